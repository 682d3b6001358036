//! Checksums as S3 knows them: verified on the way in, kept, and shown to who asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What SDKs can compute. Without one S3 itself computes CRC64NVME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// A checksum of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    /// Base64; of a composite one with `-` and the number of parts behind it.
    pub(crate) value: String,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As in `ChecksumAlgorithm` and, behind `Checksum`, as an XML element.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    pub(crate) fn of(self, body: &[u8]) -> Checksum {
        Checksum { algorithm: self, value: BASE64.encode(self.digest(body)) }
    }

    /// What a multipart upload gets: of the whole where CRCs can be joined and the client wants it so, else of the parts'
    /// checksums.
    pub(crate) fn of_parts(self, parts: &[&[u8]], composite: bool) -> Checksum {
        if composite {
            let digests: Vec<u8> = parts.iter().flat_map(|part| self.digest(part)).collect();
            let value = format!("{}-{}", self.of(&digests).value, parts.len());
            Checksum { algorithm: self, value }
        } else {
            self.of(&parts.concat())
        }
    }

    fn digest(self, body: &[u8]) -> Vec<u8> {
        let crc32 = |algorithm| {
            let crc = crc_fast::checksum(algorithm, body);
            u32::try_from(crc).expect("a CRC32 has 32 bits").to_be_bytes().to_vec()
        };
        match self {
            Self::Crc32 => crc32(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => crc32(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body).to_be_bytes().to_vec(),
            Self::Sha1 => Sha1::digest(body).to_vec(),
            Self::Sha256 => Sha256::digest(body).to_vec(),
        }
    }
}

impl Checksum {
    pub(crate) fn kind(&self) -> &'static str {
        if self.value.contains('-') { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue (<https://reveng.sourceforge.io/crc-catalogue/>) and of FIPS 180, over
    /// `123456789` and `abc`.
    #[test]
    fn checksums_are_the_published_ones() {
        let of = |algorithm: Algorithm, body: &[u8]| algorithm.of(body).value;
        assert_eq!(of(Algorithm::Crc32, b"123456789"), BASE64.encode(0xcbf4_3926_u32.to_be_bytes()));
        assert_eq!(of(Algorithm::Crc32c, b"123456789"), BASE64.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(of(Algorithm::Crc64Nvme, b"123456789"), BASE64.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes()));
        assert_eq!(of(Algorithm::Sha1, b"abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        assert_eq!(of(Algorithm::Sha256, b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
