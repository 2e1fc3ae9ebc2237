-- How many tasks and steps are in each state, kept: counting a million of them takes longer than asking about them may. What is kept
-- plus what has changed since is the number, exact in any one snapshot, as a change is written in the transaction that makes it.

-- Kind: task or step. State: how many have a current transition to it; 'total': how many there are at all. counted_at
-- (of 'total' only): when they were last counted by looking at all of them; null: never, what is here means nothing yet.
create table treadle.state_counts (
  kind text not null check (kind in ('task', 'step')),
  state text not null,
  amount bigint not null,
  counted_at timestamptz,
  primary key (kind, state)
) with (fillfactor = 50);

insert into treadle.state_counts (kind, state, amount)
values ('task', 'total', 0), ('step', 'total', 0);

-- Only ever added to, so that no two writers meet in a row; the sweep adds the rows to state_counts and removes them.
create table treadle.state_count_changes (
  kind text not null,
  state text not null,
  change bigint not null
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

-- The bodies are in sql/functions/treadle/counts.
create or replace function treadle.count_new_row() returns trigger
language plpgsql
as $$ begin return null; end $$;
create or replace function treadle.count_moved_state() returns trigger
language plpgsql
as $$ begin return null; end $$;
create or replace function treadle.count_removed_rows() returns trigger
language plpgsql
as $$ begin return null; end $$;
create or replace function treadle.count_anew() returns trigger
language plpgsql
as $$ begin return null; end $$;

-- Our own writers set treadle.writing and write their changes themselves, one row for a whole batch. An adopted database
-- has no use for the counts (its function that tells them is that of Rails), and is spared the locks that triggers take.
do $$
declare
  v_kind record;
begin
  if exists (select from treadle.settings where key = 'adopted' and value = 'true') then
    return;
  end if;
  for v_kind in
    select * from (
      values ('task', 'tasker_tasks', 'tasker_task_transitions'),
        ('step', 'tasker_workflow_steps', 'tasker_workflow_step_transitions')
    ) k (kind, rows, transitions)
  loop
    execute format(
      $sql$
        create trigger treadle_counts_new
        after insert on public.%2$I
        for each row
        when (current_setting('treadle.writing', true) is distinct from 'on')
        execute function treadle.count_new_row(%1$L);

        create trigger treadle_counts_states
        after insert or update on public.%3$I
        for each row
        when (current_setting('treadle.writing', true) is distinct from 'on')
        execute function treadle.count_moved_state(%1$L);

        create trigger treadle_counts_removed
        after delete on public.%2$I
        referencing old table as removed
        for each statement
        execute function treadle.count_removed_rows(%1$L, 'total');

        create trigger treadle_counts_removed
        after delete on public.%3$I
        referencing old table as removed
        for each statement
        execute function treadle.count_removed_rows(%1$L, 'state');

        create trigger treadle_counts_emptied
        after truncate on public.%2$I
        for each statement
        execute function treadle.count_anew(%1$L);

        create trigger treadle_counts_emptied
        after truncate on public.%3$I
        for each statement
        execute function treadle.count_anew(%1$L);
      $sql$,
      v_kind.kind, v_kind.rows, v_kind.transitions
    );
  end loop;
end
$$;
