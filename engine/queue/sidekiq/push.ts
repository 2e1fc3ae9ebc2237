// Puts jobs where Sidekiq looks for them: a batch is one script of Redis, so that nobody sees half of it. Of the jobs with one
// key that wait only one stays, as far as Redis can tell; where it cannot, both run: a doubled job harms nobody, a lost one would.
import type { Redis } from 'ioredis';

export interface Push {
  readonly queue: string;
  readonly message: string;
  /** Milliseconds since 1970; undefined: now. */
  readonly due: number | undefined;
  /** Where Redis remembers the message for as long as it waits. */
  readonly pending_key: string;
}

export interface PushManner {
  /** The Ruby side deletes the key when the job begins: it then tells of itself that the job still waits. */
  readonly keysAreDeleted: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Longer lists are not looked through: Redis would stand still for it. */
const LONGEST_LOOK = 5000;

/** So long after its instant a job is believed to wait still when nobody can tell. */
const BELIEVED_MS = 600_000;

/**
 * An earlier job in `schedule` goes in any case: the later one carries the earliest instant. One that waits in the list of
 * its queue stays, and the new one is not needed if it is for now. The list itself is asked whether it is there; for a list
 * that is too long the key is believed. What the poller of Sidekiq has moved to a list is written anew and not found there:
 * it runs twice.
 */
const SCRIPT = `
local longest_look, keys_are_deleted = tonumber(ARGV[1]), ARGV[2] == '1'
local lists = {}

local function waits_in_its_list(message)
  local list = 'queue:' .. cjson.decode(message).queue
  if lists[list] == nil then
    lists[list] = false
    if redis.call('LLEN', list) <= longest_look then
      lists[list] = {}
      for _, each in ipairs(redis.call('LRANGE', list, 0, -1)) do lists[list][each] = true end
    end
  end
  if not lists[list] then return keys_are_deleted end
  return lists[list][message] == true
end

local function push(queue, message, due)
  if due ~= '' then return redis.call('ZADD', 'schedule', due, message) end
  local list = 'queue:' .. queue
  redis.call('SADD', 'queues', queue)
  redis.call('LPUSH', list, message)
  if lists[list] then lists[list][message] = true end
end

for i = 3, #ARGV, 5 do
  local key, queue, message, due, believed_ms = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local earlier = redis.call('GET', key)
  local replaced = earlier and redis.call('ZREM', 'schedule', earlier) == 1
  if not (earlier and not replaced and due == '' and waits_in_its_list(earlier)) then
    push(queue, message, due)
    redis.call('SET', key, message, 'PX', believed_ms)
  end
end
`;

export async function pushToSidekiq(
  redis: Redis,
  pushes: readonly Push[],
  { keysAreDeleted, now }: PushManner,
): Promise<void> {
  const jobs = pushes.flatMap(({ pending_key, queue, message, due }) => [
    pending_key,
    queue,
    message,
    due === undefined ? '' : due / 1000, // the score of `schedule` is in seconds in all formats
    BELIEVED_MS + Math.max(Math.ceil((due ?? now) - now), 0),
  ]);
  await redis.eval(SCRIPT, 0, LONGEST_LOOK, keysAreDeleted ? 1 : 0, ...jobs);
}
