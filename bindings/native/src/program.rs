//! What a program in an interpreter and the JavaScript thread share: lanes towards the program, answers from it.
use crate::answers::Answers;
use crate::lane::Queue;

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Attempts, taken by the first thread that is free.
    Jobs = 0,
    /// Attempts for the event loop of the language, where it has one.
    Loop = 1,
    /// Words about attempts, never behind them.
    Control = 2,
}

impl TryFrom<u32> for Lane {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            0 => Ok(Self::Jobs),
            1 => Ok(Self::Loop),
            2 => Ok(Self::Control),
            _ => Err(format!("expected the lane 0, 1 or 2, came {number}")),
        }
    }
}

pub struct Program {
    /// Where the language finds its packages, if that is said: for Python a virtual environment. Counts at the first program only.
    #[cfg_attr(not(feature = "python"), allow(dead_code))]
    pub environment: Option<String>,
    /// JSON, read by the program.
    pub options: String,
    pub answers: Answers,
    lanes: [Queue; 3],
}

impl Program {
    pub fn new(environment: Option<String>, options: String, answers: Answers) -> Self {
        Self { environment, options, answers, lanes: Default::default() }
    }

    pub fn lane(&self, lane: Lane) -> &Queue {
        &self.lanes[lane as usize]
    }

    /// Nothing comes any more; what waits is still taken.
    pub fn close(&self) {
        for lane in &self.lanes {
            lane.close();
        }
    }
}
