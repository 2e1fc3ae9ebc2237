//! The bytes of a message from JavaScript, copied or lent.
use napi::bindgen_prelude::{Buffer, BufferSlice, FromNapiValue};
use napi::{sys, Result};

/// Larger messages stay where JavaScript has put them until the interpreter copies them: a copy costs more there than the
/// way back, on which JavaScript lets go of them.
const COPIED_UP_TO: usize = 32 * 1024;

pub enum Payload {
    Copied(Vec<u8>),
    Lent(Buffer),
}

impl Payload {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Lent(buffer) => buffer,
        }
    }
}

/// Only what is lent is registered with JavaScript as in use.
impl FromNapiValue for Payload {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the caller's promise is ours: `value` is alive in this call; what is kept of it is a copy, or a reference
        unsafe {
            let slice = BufferSlice::from_napi_value(env, value)?;
            if slice.len() <= COPIED_UP_TO {
                return Ok(Self::Copied(slice.to_vec()));
            }
            Buffer::from_napi_value(env, value).map(Self::Lent)
        }
    }
}
