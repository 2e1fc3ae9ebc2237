//! Messages on their way into an interpreter. Threads of the interpreter wait here without holding its lock; the first message
//! wakes one of them, and who takes one while more is there wakes the next. A waker
//! reaches those who do not wait here, as an event loop in its own poll.
#![cfg_attr(not(all(feature = "python", feature = "ruby")), allow(dead_code))] // each language has its way to wait

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Buffer;

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

impl From<Buffer> for Payload {
    fn from(buffer: Buffer) -> Self {
        if buffer.len() <= COPIED_UP_TO {
            return Self::Copied(buffer.to_vec());
        }
        Self::Lent(buffer)
    }
}

pub enum Next {
    Message(Payload),
    /// Nothing waits.
    Nothing,
    /// And nothing is left.
    Closed,
}

type Waker = Box<dyn Fn() + Send>;

#[derive(Default)]
struct State {
    messages: VecDeque<Payload>,
    closed: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

impl Queue {
    pub fn push(&self, message: Payload) {
        let mut state = self.lock();
        state.messages.push_back(message);
        let first = state.messages.len() == 1;
        match &state.waker {
            Some(wake) if first => wake(),
            Some(_) => {}
            None if first => {
                drop(state);
                self.news.notify_one();
            }
            None => {} // whoever was woken for the first wakes the next
        }
    }

    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        if let Some(wake) = &state.waker {
            wake();
        }
        drop(state);
        self.news.notify_all();
    }

    /// The first that waits, without waiting.
    pub fn poll(&self) -> Next {
        let mut state = self.lock();
        match self.pop(&mut state) {
            Some(message) => Next::Message(message),
            None if state.closed => Next::Closed,
            None => Next::Nothing,
        }
    }

    /// Waits until there is something for `poll`, the time is up or `interrupted` was set; the caller has let go of its
    /// interpreter's lock. Takes nothing: a message is not held by a thread that must first get the lock back, and none is lost
    /// when an exception strikes the thread before it can say what it has.
    pub fn wait(&self, until: Option<Instant>, interrupted: &AtomicBool) {
        let mut state = self.lock();
        while state.messages.is_empty() && !state.closed && !interrupted.load(Ordering::Acquire) {
            state = match until.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return,
                Some(rest) => {
                    let waited = self.news.wait_timeout(state, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        if interrupted.load(Ordering::Acquire) && !state.messages.is_empty() {
            self.news.notify_one(); // in our place
        }
    }

    fn pop(&self, state: &mut State) -> Option<Payload> {
        let message = state.messages.pop_front()?;
        if !state.messages.is_empty() {
            self.news.notify_one();
        }
        Some(message)
    }

    /// All that waits, without waiting; whether the lane is closed.
    pub fn take(&self) -> (VecDeque<Payload>, bool) {
        let mut state = self.lock();
        (std::mem::take(&mut state.messages), state.closed)
    }

    /// From now on this is called for the first message that waits, and at the end, in the place of waking who waits in `wait`.
    pub fn wake_by(&self, wake: Waker) {
        let mut state = self.lock();
        if state.closed || !state.messages.is_empty() {
            wake();
        }
        state.waker = Some(wake);
    }

    /// Whoever waits looks at its `interrupted` again, which was set before.
    pub fn nudge(&self) {
        drop(self.lock());
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
