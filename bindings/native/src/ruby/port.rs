//! What `treadle/native` is given: the lanes and the way back, as Ruby sees them. A thread that waits here has let go of the
//! VM's lock, and wakes up for Thread#raise, Thread#kill and Timeout as it would in `sleep`.
//!
//! Ruby leaves C functions by longjmp when it raises. So nothing here that needs to be dropped lives across a call that can raise.
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rb_sys::macros::{RSTRING_LEN, RSTRING_PTR};
use rb_sys::{
    rb_cObject, rb_check_typeddata, rb_data_type_t, rb_data_typed_object_wrap, rb_define_class_under, rb_define_method,
    rb_define_module, rb_define_module_under, rb_eArgError, rb_jump_tag, rb_num2dbl, rb_num2ulong, rb_protect,
    rb_raise, rb_str_new, rb_string_value, rb_thread_check_ints, rb_thread_schedule, rb_undef_alloc_func, Qnil, VALUE,
};

use crate::answers::Kind;
use crate::lane::{Next, Queue};
use crate::program::{Lane, Program};

extern "C" {
    // of ruby/thread.h, which rb-sys does not read
    fn rb_thread_call_without_gvl2(
        work: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
        data: *mut c_void,
        unblock: unsafe extern "C" fn(*mut c_void),
        unblock_data: *mut c_void,
    ) -> *mut c_void;
}

const NOTHING: VALUE = Qnil as VALUE;

/// How long a thread may take one attempt after the other while others wait for the VM.
const TURN: Duration = Duration::from_millis(10);

/// rb_data_type_t holds pointers, none of which anybody writes to.
struct DataType(rb_data_type_t);
unsafe impl Sync for DataType {}
static DATA_TYPE: DataType = DataType({
    // SAFETY: zeros mean: without
    let mut plain: rb_data_type_t = unsafe { std::mem::zeroed() };
    plain.wrap_struct_name = c"Treadle::Native::Port".as_ptr();
    plain.function.dfree = Some(forget);
    plain
});

unsafe extern "C" fn forget(program: *mut c_void) {
    drop(unsafe { Arc::from_raw(program as *const Program) });
}

/// Treadle::Native::Port.
///
/// # Safety
/// On a thread of Ruby. It raises.
pub unsafe fn define() -> VALUE {
    // Ruby casts it back to what the number of arguments says
    type Method = unsafe extern "C" fn() -> VALUE;
    unsafe {
        let native = rb_define_module_under(rb_define_module(c"Treadle".as_ptr()), c"Native".as_ptr());
        let port = rb_define_class_under(native, c"Port".as_ptr(), rb_cObject);
        rb_undef_alloc_func(port);
        let next = transmute::<unsafe extern "C" fn(c_int, *const VALUE, VALUE) -> VALUE, Method>(next);
        rb_define_method(port, c"next".as_ptr(), Some(next), -1);
        let answer = transmute::<unsafe extern "C" fn(VALUE, VALUE, VALUE) -> VALUE, Method>(answer);
        rb_define_method(port, c"answer".as_ptr(), Some(answer), 2);
        port
    }
}

/// The way from and to this program.
///
/// # Safety
/// On a thread of Ruby. `class` is what `define` answered with.
pub unsafe fn new(class: VALUE, program: &Arc<Program>) -> VALUE {
    let program = Arc::into_raw(program.clone()) as *mut c_void;
    unsafe { rb_data_typed_object_wrap(class, program, &DATA_TYPE.0) }
}

/// `port.next(lane, seconds = nil)`: the next message of a lane; '' when the time is up, nil when nothing comes any more.
unsafe extern "C" fn next(count: c_int, arguments: *const VALUE, port: VALUE) -> VALUE {
    unsafe {
        if !(1..=2).contains(&count) {
            rb_raise(rb_eArgError, c"expected a lane and perhaps seconds".as_ptr());
        }
        let queue = lane(port, *arguments);
        let seconds = if count == 2 { *arguments.add(1) } else { NOTHING };
        let until = deadline(seconds);
        take_turns();
        next_of(queue, until)
    }
}

/// Ruby takes the VM from a thread after 100 ms, most often in the middle of a handler, which then waits until all others have
/// had theirs. Between two attempts it costs nobody anything.
unsafe fn take_turns() {
    thread_local!(static TURN_BEGAN: Cell<Instant> = Cell::new(Instant::now()));
    if TURN_BEGAN.get().elapsed() > TURN {
        unsafe { rb_thread_schedule() };
        TURN_BEGAN.set(Instant::now());
    }
}

/// Whoever ends an attempt while the next one waits takes it without letting go of the VM.
unsafe fn next_of(queue: &Queue, until: Option<Instant>) -> VALUE {
    loop {
        match queue.poll() {
            Next::Message(message) => return unsafe { to_ruby(message.bytes()) },
            Next::Closed => return NOTHING,
            Next::Nothing if until.is_some_and(|at| at <= Instant::now()) => return unsafe { to_ruby(&[]) },
            Next::Nothing => unsafe { wait(queue, until) },
        }
    }
}

struct Waiting<'lane> {
    queue: &'lane Queue,
    until: Option<Instant>,
    interrupted: AtomicBool,
}

/// Raises what another thread has raised here.
unsafe fn wait(queue: &Queue, until: Option<Instant>) {
    let waiting = Waiting { queue, until, interrupted: AtomicBool::new(false) };
    let data = &raw const waiting as *mut c_void;
    unsafe {
        rb_thread_call_without_gvl2(wait_unlocked, data, interrupt, data);
        queue.arrived();
        let mut raised = 0;
        rb_protect(Some(check_interrupts), NOTHING, &mut raised);
        if raised != 0 {
            queue.pass_on(); // this thread takes nothing any more
            rb_jump_tag(raised);
        }
    }
}

unsafe extern "C" fn check_interrupts(_: VALUE) -> VALUE {
    unsafe { rb_thread_check_ints() };
    NOTHING
}

unsafe extern "C" fn wait_unlocked(waiting: *mut c_void) -> *mut c_void {
    let waiting = unsafe { &*(waiting as *const Waiting) };
    waiting.queue.wait(waiting.until, &waiting.interrupted);
    null_mut()
}

unsafe extern "C" fn interrupt(waiting: *mut c_void) {
    let waiting = unsafe { &*(waiting as *const Waiting) };
    waiting.interrupted.store(true, Ordering::Release);
    waiting.queue.nudge();
}

/// `port.answer(kind, bytes)`.
unsafe extern "C" fn answer(port: VALUE, kind: VALUE, mut message: VALUE) -> VALUE {
    unsafe {
        rb_string_value(&mut message);
        match u8::try_from(rb_num2ulong(kind)).ok().and_then(|kind| Kind::try_from(kind).ok()) {
            None => rb_raise(rb_eArgError, c"expected a kind of answer from 0 to 3 or 5".as_ptr()),
            Some(kind) => {
                let length = usize::try_from(RSTRING_LEN(message)).unwrap_or_default();
                let bytes = std::slice::from_raw_parts(RSTRING_PTR(message).cast::<u8>(), length);
                program(port).answers.post(kind, bytes.to_vec());
            }
        }
    }
    NOTHING
}

unsafe fn program<'port>(port: VALUE) -> &'port Program {
    unsafe { &*(rb_check_typeddata(port, &DATA_TYPE.0) as *const Program) }
}

unsafe fn lane<'port>(port: VALUE, number: VALUE) -> &'port Queue {
    unsafe {
        match u32::try_from(rb_num2ulong(number)).ok().and_then(|number| Lane::try_from(number).ok()) {
            Some(lane) => program(port).lane(lane),
            None => rb_raise(rb_eArgError, c"expected the lane 0, 1 or 2".as_ptr()),
        }
    }
}

unsafe fn deadline(seconds: VALUE) -> Option<Instant> {
    if seconds == NOTHING {
        return None;
    }
    let seconds = unsafe { rb_num2dbl(seconds) };
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().and_then(|time| Instant::now().checked_add(time))
}

unsafe fn to_ruby(bytes: &[u8]) -> VALUE {
    unsafe { rb_str_new(bytes.as_ptr().cast(), bytes.len() as _) }
}
