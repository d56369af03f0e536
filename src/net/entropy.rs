//! Random bytes of the system.

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoEntropy;

/// A key that nobody knows.
pub fn key() -> Result<[u8; 32], NoEntropy> {
    let mut key = [0; 32];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut key).map_err(|_| NoEntropy)?;
    Ok(key)
}
