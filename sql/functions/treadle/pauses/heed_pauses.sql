-- Whether anything is paused at all; cheap when nothing is. When something is, a resume waits for the end of this
-- transaction: else a step that is being marked as held here would never be released. Place in the lock order: after the
-- tasks, before any ready step.
create or replace function treadle.heed_pauses() returns boolean
language plpgsql
as $$
begin
  if not exists (select from treadle.pauses) then
    return false;
  end if;
  perform pg_advisory_xact_lock_shared(hashtext('treadle.pauses'));
  return true;
end
$$;
