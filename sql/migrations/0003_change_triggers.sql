-- Treadle notices what others write. The WHEN clause keeps the price for our own rows to one look at a setting.
create or replace function treadle.notify_foreign_change() returns trigger
language plpgsql
as $$ begin return null; end $$; -- the body is in sql/functions/treadle/notify_foreign_change.sql

create trigger treadle_notices_step_change
after insert on public.tasker_workflow_step_transitions
for each row
when (current_setting('treadle.writing', true) is distinct from 'on')
execute function treadle.notify_foreign_change();

create trigger treadle_notices_task_change
after insert on public.tasker_task_transitions
for each row
when (current_setting('treadle.writing', true) is distinct from 'on')
execute function treadle.notify_foreign_change();
