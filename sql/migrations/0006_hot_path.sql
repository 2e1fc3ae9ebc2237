-- What a claim needs so that children can be claimed in the statement that records their parents, and so that short steps
-- can write their start and their end at once.

-- False: the in_progress row of this claim is not written yet. The claim itself is on disk; the row follows with the
-- outcome, or when the step has run for a while, or when somebody takes the step away.
alter table treadle.claims add column on_record boolean not null default true;

-- When the attempt began, where its in_progress row is to be written together with the outcome; null where it is there.
alter type treadle.outcome add attribute started_at timestamp;

-- Claims are delivered as documents now.
drop type treadle.claimed_step cascade; -- with the functions that returned it: migrate installs their successors
