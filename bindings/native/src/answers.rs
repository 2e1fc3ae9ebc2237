//! Answers on their way to JavaScript. What gathers while the JavaScript thread is busy goes to it together: one wake-up, one
//! call. While an answer is awaited the process stays alive; it may end while none is.
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{BufferSlice, FnArgs, Function, ToNapiValue};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{check_status, sys, Env, Result, Status};

/// What an answer is; its bytes are of the kind's own form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The program serves. JSON: its language, and the handlers that it has found.
    Ready = 0,
    /// What an attempt ended in: treadle.v1.Outcome. Exactly one for each attempt that was sent.
    Outcome = 1,
    /// How far an attempt is: treadle.v1.Progress.
    Progress = 2,
    /// The program could not begin: one line that says why.
    Failed = 3,
    /// The program has ended. The last answer.
    Ended = 4,
    /// Handlers that were given up and still run. JSON, all of them at each change.
    Deaf = 5,
}

impl TryFrom<u8> for Kind {
    type Error = String;

    fn try_from(number: u8) -> std::result::Result<Self, String> {
        match number {
            0 => Ok(Self::Ready),
            1 => Ok(Self::Outcome),
            2 => Ok(Self::Progress),
            3 => Ok(Self::Failed),
            5 => Ok(Self::Deaf),
            _ => Err(format!("expected a kind of answer from 0 to 3 or 5, came {number}")),
        }
    }
}

impl Kind {
    /// Whether somebody has waited for it.
    fn was_expected(self) -> bool {
        !matches!(self, Self::Progress | Self::Deaf)
    }
}

type Answer = (Kind, Vec<u8>);

/// Answers as JavaScript gets them: `[kind, bytes, kind, bytes, ...]`.
pub struct Batch(Vec<Answer>);

/// Larger answers are handed over as they are; for smaller ones a copy costs less than what V8 keeps of memory that is not its own.
const COPIED_UP_TO: usize = 32 * 1024;

impl ToNapiValue for Batch {
    unsafe fn to_napi_value(env: sys::napi_env, batch: Self) -> Result<sys::napi_value> {
        let mut array = ptr::null_mut();
        check_status!(unsafe { sys::napi_create_array_with_length(env, batch.0.len() * 2, &mut array) })?;
        let mut place = 0;
        for (kind, bytes) in batch.0 {
            let owner = Env::from_raw(env);
            let buffer = if bytes.len() <= COPIED_UP_TO {
                BufferSlice::copy_from(&owner, bytes)?
            } else {
                BufferSlice::from_data(&owner, bytes)?
            };
            let values =
                [unsafe { u32::to_napi_value(env, kind as u32)? }, unsafe { BufferSlice::to_napi_value(env, buffer)? }];
            for value in values {
                check_status!(unsafe { sys::napi_set_element(env, array, place, value) })?;
                place += 1;
            }
        }
        Ok(array)
    }
}

type Bell = ThreadsafeFunction<(), (), FnArgs<(Batch,)>, Status, false, true>;

#[derive(Default)]
struct Shared {
    waiting: Mutex<Vec<Answer>>,
    /// Answers that JavaScript waits for. Touched by its thread alone.
    expected: AtomicUsize,
    /// As Node knows the bell.
    raw: AtomicPtr<sys::napi_threadsafe_function__>,
}

pub struct Answers {
    shared: Arc<Shared>,
    bell: Bell,
}

impl Answers {
    /// One answer is expected from the beginning: `Ready` or `Failed`.
    pub fn new(env: &Env, on_answers: Function<'_, Batch, ()>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let at_the_bell = shared.clone();
        let bell = on_answers
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |context| Ok(FnArgs::from((at_the_bell.collect(&context.env)?,))))?;
        shared.raw.store(bell.raw(), Ordering::Release);
        let answers = Self { shared, bell };
        answers.expect_one(env)?;
        Ok(answers)
    }

    /// From any thread.
    pub fn post(&self, kind: Kind, message: Vec<u8>) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((kind, message));
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            // refused only while Node ends
            self.bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// On the JavaScript thread: the process lives at least until an answer has come.
    pub fn expect_one(&self, env: &Env) -> Result<()> {
        if self.shared.expected.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        check_status!(unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.shared.bell()) })
    }
}

impl Shared {
    fn bell(&self) -> sys::napi_threadsafe_function {
        self.raw.load(Ordering::Acquire)
    }

    fn collect(&self, env: &Env) -> Result<Batch> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = std::mem::take(&mut *waiting);
        drop(waiting);
        let came = answers.iter().filter(|(kind, _)| kind.was_expected()).count();
        let before = self.expected.load(Ordering::Relaxed);
        self.expected.store(before.saturating_sub(came), Ordering::Relaxed);
        if before > 0 && before <= came {
            check_status!(unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.bell()) })?;
        }
        Ok(Batch(answers))
    }
}
