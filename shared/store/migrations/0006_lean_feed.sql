-- All events behind a place, for whoever wants every one of them (the audit log does, twice a second from every service):
-- at most p_limit + 1, so that one too many says that there is more, and after them one row without envelope with
-- what read_feed says at its end. One statement for the page: a loop over its rows takes more than twice as long.
-- Otherwise as read_feed.
create function mesh.read_whole_feed(
  p_epoch integer, p_row_epoch integer, p_xid xid8, p_position bigint, p_limit integer
) returns table (
  row_epoch integer, xid text, "position" text, recorded_at_ms bigint, envelope text, held_since_ms bigint
)
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  select e.epoch, e.xid::text, e.position::text, e.recorded_at_ms, e.envelope, null::bigint
  from mesh.event e
  where (e.epoch, e.xid, e.position) > (p_row_epoch, p_xid, p_position)
    and (e.epoch < p_epoch or e.xid < pg_snapshot_xmin(pg_current_snapshot()))
  order by e.epoch, e.xid, e.position limit p_limit + 1;
  return query
  select p_row_epoch, p_xid::text, p_position::text, null::bigint, null::text, min(e.recorded_at_ms) from mesh.event e
  where e.epoch = p_epoch and e.xid >= pg_snapshot_xmin(pg_current_snapshot());
end
$$;

-- As in 0003, without a query of its own for each row that is given out.
create or replace function mesh.read_feed(
  p_epoch integer, p_row_epoch integer, p_xid xid8, p_position bigint, p_types text[], p_until_ms bigint, p_limit integer,
  p_scan integer
) returns table (
  row_epoch integer, xid text, "position" text, recorded_at_ms bigint, envelope text, has_more boolean, held_since_ms bigint
)
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_event record;
  v_end record;
  v_seen integer := 0;
  v_taken integer := 0;
  v_has_more boolean := false;
  v_held_since_ms bigint;
begin
  select p_row_epoch as epoch, p_xid as xid, p_position as position into v_end;
  for v_event in
    select e.epoch, e.xid, e.position, e.recorded_at_ms, e.type, e.envelope
    from mesh.event e
    where (e.epoch, e.xid, e.position) > (p_row_epoch, p_xid, p_position)
      and (e.epoch < p_epoch or e.xid < pg_snapshot_xmin(pg_current_snapshot()))
    order by e.epoch, e.xid, e.position
  loop
    exit when v_event.recorded_at_ms >= p_until_ms;
    v_has_more := v_taken = p_limit or v_seen = p_scan;
    exit when v_has_more;
    v_seen := v_seen + 1;
    v_end := v_event;
    if p_types is null or v_event.type = any (p_types) then
      v_taken := v_taken + 1;
      row_epoch := v_event.epoch;
      xid := v_event.xid::text;
      position := v_event.position::text;
      recorded_at_ms := v_event.recorded_at_ms;
      envelope := v_event.envelope;
      return next;
    end if;
  end loop;
  select min(e.recorded_at_ms) into v_held_since_ms from mesh.event e
  where e.epoch = p_epoch and e.xid >= pg_snapshot_xmin(pg_current_snapshot());
  return query select v_end.epoch, v_end.xid::text, v_end.position::text, null::bigint, null::text, v_has_more, v_held_since_ms;
end
$$;
