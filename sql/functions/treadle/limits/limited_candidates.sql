-- The steps with limits that could be claimed now, in the order of their turns: the lanes share the slots of their crew as
-- evenly as room in their groups allows, so that ten thousand steps of one key do not keep one of another waiting. A lane
-- without room waits for the group that has none, and is not looked at before that has some. The steps are locked, their
-- lanes not changed further. unsettled: groups were found full just now, or not all lanes could be looked at: ask again
-- soon. Callers hold the locks of lock_limits.
create or replace function treadle.limited_candidates(
  p_handlers text[],
  p_crews integer[],
  p_slots integer[],
  p_paused boolean,
  p_at timestamptz,
  out step_ids bigint[],
  out lane_ids bigint[],
  out crews integer[],
  out group_ids jsonb,
  out unsettled boolean
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  c_rounds constant integer := 12;
  v_wanted integer := (select max(s) from unnest(p_slots) s);
  v_left integer[] := p_slots;
  v_rooms jsonb := '{}';
  v_seen bigint[] := '{}';
  v_last jsonb := '{}'; -- the latest step that was taken of a lane, by its id
  v_full record;
  v_lane record;
  v_room record;
  v_taken bigint[];
  v_any boolean;
begin
  step_ids := '{}';
  lane_ids := '{}';
  crews := '{}';
  group_ids := '{}';
  unsettled := false;
  for v_round in 1..c_rounds loop
    v_full := treadle.look_at_full_groups(p_handlers, v_wanted, power(4, least(v_round - 1, 5))::integer, v_rooms, p_at);
    v_rooms := v_full.rooms;
    v_any := false;
    for v_lane in
      select * from treadle.next_lanes(
        p_handlers, p_crews, v_left, v_seen, v_full.handlers, v_full.group_ids, v_full.most
      )
    loop
      v_any := true;
      v_room := treadle.room_of_lane(v_lane.group_ids, v_rooms, v_wanted, p_at);
      v_rooms := v_room.rooms;
      if v_room.room = 0 then
        unsettled := treadle.make_wait(v_lane.lane_id, v_room.full_group_id, v_room.opens_at) or unsettled;
        v_seen := v_seen || v_lane.lane_id;
        continue;
      end if;
      v_room.room := least(v_room.room, ceil(v_left[v_lane.crew]::numeric / (v_lane.lanes - v_lane.place + 1))::integer);
      v_taken := treadle.next_of_lane(
        v_lane.lane_id, coalesce((v_last ->> v_lane.lane_id::text)::bigint, 0), v_room.room, p_paused
      );
      if cardinality(v_taken) < v_room.room then
        v_seen := v_seen || v_lane.lane_id;
      end if;
      if cardinality(v_taken) > 0 then
        v_last := v_last || jsonb_build_object(v_lane.lane_id, v_taken[cardinality(v_taken)]);
        v_left[v_lane.crew] := v_left[v_lane.crew] - cardinality(v_taken);
        v_rooms := treadle.less_room(v_rooms, v_lane.group_ids, cardinality(v_taken));
        step_ids := step_ids || v_taken;
        lane_ids := lane_ids || array_fill(v_lane.lane_id, array[cardinality(v_taken)]);
        crews := crews || array_fill(v_lane.crew, array[cardinality(v_taken)]);
        group_ids := group_ids
          || (select jsonb_object_agg(t.id, to_jsonb(v_lane.group_ids)) from unnest(v_taken) as t (id));
      end if;
    end loop;
    exit when not v_any or 0 = all (v_left);
    unsettled := unsettled or v_round = c_rounds;
  end loop;
end
$$;
