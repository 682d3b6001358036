//! AWS's refusals, in AWS's words where they are recorded.

use std::fmt::Display;

use crate::aws::error::ServiceError;

pub(crate) fn missing(member: &str) -> ServiceError {
    invalid(&format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"))
}

pub(crate) fn too_long(member: &str, most: usize) -> ServiceError {
    invalid(&format!(
        "Value at '{member}' failed to satisfy constraint: Member must have length less than or equal to {most}"
    ))
}

fn invalid(what: &str) -> ServiceError {
    ServiceError::bad_request("ValidationException", format!("1 validation error detected: {what}"))
}

pub(crate) fn invalid_arn(arn: &str) -> ServiceError {
    ServiceError::bad_request("InvalidArn", format!("Invalid Arn: 'Invalid ARN prefix: {arn}'"))
}

pub(crate) fn invalid_name(name: &str) -> ServiceError {
    ServiceError::bad_request("InvalidName", format!("Invalid Name: '{name}'"))
}

pub(crate) fn invalid_definition(problem: &str) -> ServiceError {
    ServiceError::bad_request("InvalidDefinition", format!("Invalid State Machine Definition: '{problem}'"))
}

pub(crate) fn invalid_input(problem: impl Display) -> ServiceError {
    ServiceError::bad_request("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{problem}'"))
}

pub(crate) fn invalid_output(problem: impl Display) -> ServiceError {
    ServiceError::bad_request("InvalidOutput", format!("Invalid Output: '{problem}'"))
}

pub(crate) fn invalid_token() -> ServiceError {
    ServiceError::bad_request("InvalidToken", "Invalid Token: 'Invalid token'")
}

pub(crate) fn task_timed_out() -> ServiceError {
    ServiceError::bad_request("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}

pub(crate) fn no_activity(arn: &str) -> ServiceError {
    does_not_exist(arn, "ActivityDoesNotExist", "Activity")
}

pub(crate) fn no_machine(arn: &str) -> ServiceError {
    does_not_exist(arn, "StateMachineDoesNotExist", "State Machine")
}

pub(crate) fn no_execution(arn: &str) -> ServiceError {
    does_not_exist(arn, "ExecutionDoesNotExist", "Execution")
}

fn does_not_exist(arn: &str, code: &str, what: &str) -> ServiceError {
    if arn.starts_with("arn:aws:states:") {
        ServiceError::bad_request(code, format!("{what} Does Not Exist: '{arn}'"))
    } else {
        invalid_arn(arn)
    }
}

pub(crate) fn machine_exists(arn: &str) -> ServiceError {
    ServiceError::bad_request("StateMachineAlreadyExists", format!("State Machine Already Exists: '{arn}'"))
}

pub(crate) fn execution_exists(arn: &str) -> ServiceError {
    ServiceError::bad_request("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
}

pub(crate) fn not_redrivable(reason: &str) -> ServiceError {
    ServiceError::bad_request("ExecutionNotRedrivable", reason)
}
