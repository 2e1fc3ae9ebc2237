//! Messages on their way into an interpreter. Threads of the interpreter wait here without holding its lock. At most one of them
//! is on its way to a message, for they could only queue up for that lock: it was woken, or looks by itself, and who takes a
//! message while more are there sends the next. A waker reaches those who do not wait here, as an event loop in its own poll.
#![cfg_attr(not(all(feature = "python", feature = "ruby")), allow(dead_code))] // each language has its way to wait

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::idle::{look_for, Idle, LOOK};
use crate::payload::Payload;

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
    idle: Idle,
    /// Threads that sleep in `wait`.
    sleepers: usize,
    /// Somebody is on the way to the messages: woken, or looking. Whoever arrives says so; when nobody is, the next one is woken.
    scout: bool,
    waker: Option<Waker>,
    /// The waker has been called and nobody has answered to it.
    rung: bool,
    /// Whoever the waker would wake looks by itself.
    awake: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    news: Condvar,
    /// Messages are there, or the lane is closed. Written under the lock, read without.
    something: AtomicBool,
}

impl Queue {
    pub fn push(&self, message: Payload) {
        let mut state = self.lock();
        state.messages.push_back(message);
        if state.messages.len() > 1 {
            return; // whoever comes for the first one sends the next
        }
        state.idle.end();
        self.something.store(true, Ordering::Release);
        if state.waker.is_some() {
            state.ring();
        } else {
            self.send_scout(state);
        }
    }

    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.something.store(true, Ordering::Release);
        state.ring();
        drop(state);
        self.news.notify_all();
    }

    /// The first that waits, without waiting.
    pub fn poll(&self) -> Next {
        let mut state = self.lock();
        let Some(message) = state.messages.pop_front() else {
            return if state.closed { Next::Closed } else { Next::Nothing };
        };
        self.something.store(state.closed || !state.messages.is_empty(), Ordering::Release);
        if !state.messages.is_empty() {
            self.send_scout(state);
        }
        Next::Message(message)
    }

    /// Waits until there is something for `poll`, the time is up or `interrupted` was set; the caller has let go of its
    /// interpreter's lock, and says `arrived` when it has it back. Takes nothing: a message is not held by a thread that must first
    /// get the lock back, and none is lost when an exception strikes the thread before it can say what it has.
    pub fn wait(&self, until: Option<Instant>, interrupted: &AtomicBool) {
        let mut state = self.look_first(interrupted);
        while state.messages.is_empty() && !state.closed && !interrupted.load(Ordering::Acquire) {
            state.scout = false;
            let rest = until.map(|at| at.saturating_duration_since(Instant::now()));
            if rest == Some(Duration::ZERO) {
                return;
            }
            state.sleepers += 1;
            state = match rest {
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(rest) => self.news.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.sleepers -= 1;
        }
    }

    /// The scout, if there is none, in a pause that promises to be brief.
    fn look_first(&self, interrupted: &AtomicBool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.messages.is_empty() {
            state.idle.begin();
        }
        if state.scout || !state.idle.is_brief() || self.something.load(Ordering::Relaxed) {
            return state;
        }
        state.scout = true;
        drop(state);
        look_for(&self.something, LOOK, interrupted);
        self.lock()
    }

    /// Said after `wait`, with the lock of the interpreter. Then comes `poll`, or `pass_on`.
    pub fn arrived(&self) {
        self.lock().scout = false;
    }

    /// Whoever has arrived takes nothing: somebody else must.
    pub fn pass_on(&self) {
        let state = self.lock();
        if !state.messages.is_empty() {
            self.send_scout(state);
        }
    }

    fn send_scout(&self, mut state: MutexGuard<'_, State>) {
        if state.scout || state.sleepers == 0 {
            return; // those at work come back for it
        }
        state.scout = true;
        drop(state);
        self.news.notify_one();
    }

    /// Whoever waits looks at its `interrupted` again, which was set before.
    pub fn nudge(&self) {
        drop(self.lock());
        self.news.notify_all();
    }

    /// From now on this is called for the first message that waits, and at the end, in the place of waking who waits in `wait`.
    pub fn wake_by(&self, wake: Waker) {
        let mut state = self.lock();
        state.waker = Some(wake);
        state.ring_for_what_waits();
    }

    /// Whether something waits, or the lane is closed. Until `arm` or `disarm` says otherwise the waker is not called any more: who
    /// asks asks again. Looks for so long in a pause that promises to be brief.
    pub fn look(&self, at_most: Duration) -> bool {
        let mut state = self.lock();
        state.awake = true;
        if self.something.load(Ordering::Relaxed) {
            return true;
        }
        state.idle.begin();
        let is_brief = state.idle.is_brief();
        drop(state);
        if is_brief && !at_most.is_zero() {
            look_for(&self.something, at_most, &AtomicBool::new(false));
        }
        self.something.load(Ordering::Acquire)
    }

    /// The waker is called for the next message. False: something is there already, and nothing has changed.
    pub fn arm(&self) -> bool {
        let mut state = self.lock();
        let nothing = !self.something.load(Ordering::Relaxed);
        if nothing {
            state.awake = false;
        }
        nothing
    }

    /// The waker is called again, at once if something waits: for those who do not `look`.
    pub fn ring_again(&self) {
        let mut state = self.lock();
        state.awake = false;
        state.ring_for_what_waits();
    }

    /// All that waits, without waiting, and whether the lane is closed; `silence` is called when the waker has been.
    pub fn take(&self, silence: impl FnOnce()) -> (VecDeque<Payload>, bool) {
        let mut state = self.lock();
        if std::mem::take(&mut state.rung) {
            silence();
        }
        if !state.messages.is_empty() {
            self.something.store(state.closed, Ordering::Release);
        }
        (std::mem::take(&mut state.messages), state.closed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ring(&mut self) {
        if self.awake && !self.closed {
            return;
        }
        if let Some(wake) = &self.waker {
            wake();
            self.rung = true;
        }
    }

    fn ring_for_what_waits(&mut self) {
        if self.closed || !self.messages.is_empty() {
            self.ring();
        }
    }
}
