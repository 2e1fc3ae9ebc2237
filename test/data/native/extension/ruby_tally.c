/* A compiled extension of Ruby as gems have them: it keeps state, raises, lets go of the VM, and holds it. */
#include <pthread.h>
#include <ruby.h>
#include <ruby/thread.h>
#include <time.h>

static pthread_barrier_t two;
static long counted;

static VALUE count(VALUE self) { return LONG2NUM(++counted); }

static VALUE refuse(VALUE self) {
  rb_raise(rb_eArgError, "refused in C");
  return Qnil;
}

static void *wait_for_both(void *none) {
  pthread_barrier_wait(&two);
  return NULL;
}

/* Returns when two threads are here. */
static VALUE meet(VALUE self) {
  rb_thread_call_without_gvl(wait_for_both, NULL, NULL, NULL);
  return Qnil;
}

/* Sleeps with the VM, as bad extensions do; signals of the VM's timer interrupt it. */
static VALUE hold(VALUE self, VALUE seconds) {
  double given = NUM2DBL(seconds);
  struct timespec left = {(time_t)given, (long)((given - (time_t)given) * 1e9)};
  while (nanosleep(&left, &left) != 0) {
  }
  return Qnil;
}

void Init_tally(void) {
  VALUE tally = rb_define_module("Tally");
  pthread_barrier_init(&two, NULL, 2);
  rb_define_singleton_method(tally, "count", count, 0);
  rb_define_singleton_method(tally, "refuse", refuse, 0);
  rb_define_singleton_method(tally, "meet", meet, 0);
  rb_define_singleton_method(tally, "hold", hold, 1);
}
