//! What `treadle.native` is given: the lanes and the way back, as Python sees them.
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::answers::Kind;
use crate::lane::Next;
use crate::payload::Payload;
use crate::program::{Lane, Program};

/// Interrupts of Python strike when a thread holds the GIL again.
static NEVER: AtomicBool = AtomicBool::new(false);

#[pyclass(frozen)]
pub struct Port {
    program: Arc<Program>,
    /// Readable while something waits in the lane of the loop.
    bell: UnixStream,
}

impl Port {
    pub fn new(program: Arc<Program>) -> PyResult<Self> {
        let (bell, rope) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        rope.set_nonblocking(true)?;
        // full: it is readable anyhow
        program.lane(Lane::Loop).wake_by(Box::new(move || drop((&rope).write(&[1]))));
        Ok(Self { program, bell })
    }
}

#[pymethods]
impl Port {
    /// The next message of a lane, however long that takes; b"" when the time is up, None when nothing comes any more.
    #[pyo3(signature = (lane, seconds=None))]
    fn next<'py>(&self, python: Python<'py>, lane: u32, seconds: Option<f64>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let queue = self.program.lane(Lane::try_from(lane).map_err(PyValueError::new_err)?);
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)));
        loop {
            match queue.poll() {
                Next::Message(message) => return Ok(Some(as_bytes(python, &message))),
                Next::Closed => return Ok(None),
                Next::Nothing if until.is_some_and(|at| at <= Instant::now()) => {
                    return Ok(Some(PyBytes::new(python, &[])))
                }
                Next::Nothing => {
                    python.detach(|| queue.wait(until, &NEVER));
                    queue.arrived();
                }
            }
        }
    }

    /// Readable while the lane of the loop has something for `take`, and when it has been closed. Whoever asks for it waits by it,
    /// until it says `look`.
    fn fileno(&self) -> i32 {
        self.program.lane(Lane::Loop).ring_again();
        self.bell.as_raw_fd()
    }

    /// Whether the lane of the loop has something for `take`, or has been closed. From now on nothing rings, until `arm`. With
    /// `seconds` it looks for so long without the GIL, if the last message did not let itself be waited for longer.
    fn look(&self, python: Python<'_>, seconds: f64) -> bool {
        let lane = self.program.lane(Lane::Loop);
        let at_most = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        lane.look(Duration::ZERO) || (!at_most.is_zero() && python.detach(|| lane.look(at_most)))
    }

    /// The next message rings. False: something is there already, and nothing has changed.
    fn arm(&self) -> bool {
        self.program.lane(Lane::Loop).arm()
    }

    /// All that waits in the lane of the loop; None when nothing comes any more.
    fn take<'py>(&self, python: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let silence = || {
            let mut rings = [0; 64];
            while matches!((&self.bell).read(&mut rings), Ok(64)) {}
        };
        let (messages, closed) = self.program.lane(Lane::Loop).take(silence);
        if closed && messages.is_empty() {
            return Ok(None);
        }
        let taken = messages.iter().map(|message| as_bytes(python, message));
        PyList::new(python, taken.collect::<Vec<_>>()).map(Some)
    }

    /// 0 ready, 1 outcome, 2 progress, 3 failed, 5 deaf.
    fn answer(&self, kind: u8, message: &[u8]) -> PyResult<()> {
        let kind = Kind::try_from(kind).map_err(PyValueError::new_err)?;
        self.program.answers.post(kind, message.to_vec());
        Ok(())
    }

    /// Raises an exception in a thread as soon as it runs Python; None takes it back. False: there is no such thread.
    fn interrupt(&self, thread: u64, exception: Option<Bound<'_, PyAny>>) -> bool {
        let raised = exception.map_or(std::ptr::null_mut(), |class| class.as_ptr());
        // SAFETY: the GIL is held, and Python keeps a reference of its own to what it will raise
        unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(thread as std::ffi::c_long, raised) > 0 }
    }

    /// Raises an exception in the thread of an event loop, if that is at this task: its neighbours must not be hit. `current(loop)`
    /// says which one it is at, and must be C code: then the GIL stays here from the look until the exception is set.
    fn interrupt_task(
        &self,
        thread: u64,
        current: &Bound<'_, PyAny>,
        event_loop: &Bound<'_, PyAny>,
        task: &Bound<'_, PyAny>,
        exception: Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        Ok(current.call1((event_loop,))?.is(task) && self.interrupt(thread, Some(exception)))
    }
}

fn as_bytes<'py>(python: Python<'py>, message: &Payload) -> Bound<'py, PyBytes> {
    PyBytes::new(python, message.bytes())
}
