//! The inline Map: a branch for each item, and what their ends mean for the Map.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    Engine, Place,
    execution::{Branch, Waits},
};
use crate::aws::sfn::{
    definition::{Kind, State},
    failure::{Failure, Problem},
    path::Scope,
};

/// What a branch is an item of.
#[derive(Debug, Clone)]
pub(super) struct Item {
    map: u32,
    index: usize,
    value: Value,
}

/// How far a Map has come.
#[derive(Debug)]
pub(super) struct Items {
    /// Each item as it came, and as its branch gets it.
    todo: Vec<(Value, Value)>,
    started: usize,
    results: Vec<Option<Value>>,
    /// Of items that were started and have no result.
    branches: BTreeSet<u32>,
}

impl Item {
    /// `$$.Map`.
    pub(super) fn context(&self) -> Value {
        map_context(self.index, &self.value)
    }
}

fn map_context(index: usize, value: &Value) -> Value {
    json!({"Item": {"Index": index, "Value": value}})
}

impl Engine {
    pub(super) fn start_map(
        &mut self,
        at: Place,
        state: &State,
        items: &[Value],
        input: &Value,
        mut context: Value,
    ) -> Result<(), Problem> {
        let mut todo = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            context["Map"] = map_context(index, item);
            let selected = state.fill_parameters(Scope { input, context: &context })?;
            todo.push((item.clone(), selected.unwrap_or_else(|| item.clone())));
        }
        let started = self.record(at, "MapStateStarted", &json!({"length": items.len()}));
        let results = vec![None; items.len()];
        self.branch(at).items = Some(Items { todo, started: 0, results, branches: BTreeSet::new() });
        self.go_on_with_items(at, started)
    }

    /// Starts as many items as may run at once; with none left, the Map has its result.
    fn go_on_with_items(&mut self, at: Place, previous: u64) -> Result<(), Problem> {
        let now = self.now();
        let execution = &mut self.executions[at.execution];
        let map = execution.branches.get_mut(&at.branch).expect("the Map's own branch outlives its items");
        let state = Arc::clone(&map.state);
        let (Kind::Map { flow, max_concurrency, .. }, Some(items)) = (&state.kind, map.items.as_mut()) else {
            return Ok(());
        };
        if items.results.iter().all(Option::is_some) {
            let results = map.items.take().into_iter().flat_map(|items| items.results.into_iter().flatten()).collect();
            // Recorded from AWS: nothing follows this event, the Map's exit follows what went before it.
            self.note(at.execution, previous, "MapStateSucceeded", &Value::Null);
            self.branch(at).previous_event = previous;
            return self.finish(at, Value::Array(results));
        }
        let mut new = Vec::new();
        while items.branches.len() < *max_concurrency && items.started < items.todo.len() {
            let (value, input) = items.todo[items.started].clone();
            let item = Item { map: at.branch, index: items.started, value };
            execution.last_branch += 1;
            items.started += 1;
            items.branches.insert(execution.last_branch);
            new.push((execution.last_branch, Branch::new(flow, input, previous, Some(item), now)));
        }
        for (id, branch) in new {
            self.executions[at.execution].branches.insert(id, branch);
            self.start_item(Place { branch: id, ..at });
        }
        Ok(())
    }

    fn start_item(&mut self, at: Place) {
        let details = self.item_details(at);
        self.record(at, "MapIterationStarted", &details);
        self.ready.push_back(at);
    }

    fn item_details(&mut self, at: Place) -> Value {
        let (map, item) = self.map_of(at);
        json!({"name": self.branch(map).state.name, "index": item.index})
    }

    fn map_of(&mut self, at: Place) -> (Place, Item) {
        let item = self.branch(at).item.clone().expect("only called for branches of items");
        (Place { branch: item.map, ..at }, item)
    }

    pub(super) fn item_succeeded(&mut self, at: Place, output: Value) {
        let (details, (map, item)) = (self.item_details(at), self.map_of(at));
        let last = self.branch(at).previous_event;
        let succeeded = self.note(at.execution, last, "MapIterationSucceeded", &details);
        self.executions[at.execution].branches.remove(&at.branch);
        let items = self.branch(map).items.as_mut().expect("a Map with a running item has items");
        items.branches.remove(&at.branch);
        items.results[item.index] = Some(output);
        // Recorded from AWS: the next item follows the last event of this one, the end of the Map this item's success.
        let is_last = items.results.iter().all(Option::is_some);
        let result = self.go_on_with_items(map, if is_last { succeeded } else { last });
        self.or_fail(map, result);
    }

    /// One failed item fails the Map; the others are aborted. The order of their events is assumed.
    pub(super) fn item_failed(&mut self, at: Place, failure: Failure) {
        let (details, (map, _)) = (self.item_details(at), self.map_of(at));
        let last = self.branch(at).previous_event;
        self.note(at.execution, last, "MapIterationFailed", &details);
        for other in self.item_branches(map).into_iter().filter(|other| *other != at) {
            let details = self.item_details(other);
            self.note(at.execution, last, "MapIterationAborted", &details);
            let aborted = format!("{}StateAborted", self.branch(other).state.kind.name());
            self.note(at.execution, last, aborted, &Value::Null);
            self.cancel(other);
        }
        self.branch(map).previous_event = last;
        self.fail(map, failure);
    }

    fn item_branches(&mut self, map: Place) -> Vec<Place> {
        let branches = self.branch(map).items.iter().flat_map(|items| &items.branches);
        branches.map(|branch| Place { branch: *branch, ..map }).collect()
    }

    /// Forgets the items of the Map that this branch is in, if it is in one.
    pub(super) fn drop_items(&mut self, at: Place) {
        for item in self.item_branches(at) {
            self.cancel(item);
            self.drop_items(item);
            self.executions[item.execution].branches.remove(&item.branch);
        }
        self.branch(at).items = None;
    }

    /// Lets go of what this branch and its items wait for; they stay where they are.
    pub(super) fn cancel(&mut self, at: Place) {
        self.ready.retain(|place| *place != at);
        match std::mem::replace(&mut self.branch(at).waits_for, Waits::Nothing) {
            Waits::Nothing => {}
            Waits::Task(task) => self.drop_task(task),
            Waits::Timer(timer) => self.timers.cancel(timer),
        }
        for item in self.item_branches(at) {
            self.cancel(item);
        }
    }

    /// Redrive: enters the state again; of a Map, runs only the items that have no result again (their events are
    /// assumed).
    pub(super) fn resume(&mut self, at: Place, redriven: u64) {
        self.branch(at).previous_event = redriven;
        if self.branch(at).items.is_none() {
            return self.ready.push_back(at);
        }
        for item in self.item_branches(at) {
            self.resume(item, redriven);
        }
        let result = self.go_on_with_items(at, redriven);
        self.or_fail(at, result);
    }
}
