//! Interpreters of other languages inside the Node process, as JavaScript sees them: a `Host` takes messages for one of them
//! and hands on its answers. What the messages say is between TypeScript and the program that runs in the interpreter; here
//! they are bytes. The JavaScript thread never waits for an interpreter, nor for a lock that one holds.
mod answers;
mod idle;
mod lane;
mod memory;
mod payload;
mod program;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "ruby")]
mod ruby;
mod runtimes;

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::{Env, Error, Result};
use napi_derive::napi;

use answers::{Answers, Batch};
use payload::Payload;
use program::{Lane, Program};

/// A program in an interpreter, from its start to its end. An interpreter runs one at a time, and the next one after it.
#[napi]
pub struct Host {
    program: Arc<Program>,
}

#[napi]
impl Host {
    /// `runtime`: python or ruby. `environment`: where it finds its packages. `options`: for the program, as JSON. `on_answers` gets `[kind, bytes, kind, bytes, ...]`.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        runtime: String,
        environment: Option<String>,
        options: String,
        on_answers: Function<'_, Batch, ()>,
    ) -> Result<Self> {
        let answers = Answers::new(&env, on_answers)?;
        let program = Arc::new(Program::new(environment, options, answers));
        runtimes::start(&runtime, program.clone()).map_err(Error::from_reason)?;
        Ok(Self { program })
    }

    /// Lane 0: an attempt for a thread; 1: an attempt for the event loop; 2: a word about an attempt that was sent before.
    #[napi]
    pub fn send(&self, env: Env, lane: u32, message: Payload) -> Result<()> {
        let lane = Lane::try_from(lane).map_err(Error::from_reason)?;
        if lane != Lane::Control {
            self.program.answers.expect_one(&env)?;
        }
        self.program.lane(lane).push(message);
        Ok(())
    }

    /// The program ends when it has nothing left to do. It says so with the answer `ended`.
    #[napi]
    pub fn stop(&self, env: Env) -> Result<()> {
        self.program.answers.expect_one(&env)?;
        self.program.close();
        Ok(())
    }
}
