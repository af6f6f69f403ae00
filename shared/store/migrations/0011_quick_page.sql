-- A page of the feed as read_feed and read_whole_feed give it, one query for all of its rows: a loop takes more than twice
-- as long, and so does whoever takes an event's place out of three columns. The rows end at `p_limit` and one more, which
-- says that there is more, or at `p_scan` events that were looked at; then the last row says where that was. It has no
-- envelope, and says since when something is held up.
create function mesh.read_feed_page(
  p_epoch integer, p_row_epoch integer, p_xid xid8, p_position bigint, p_types text[], p_limit integer, p_scan integer
) returns table (
  "cursor" text, recorded_at_ms bigint, envelope text, has_more boolean, held_since_ms bigint
)
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_xmin constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_count integer;
  v_end record;
  v_end_cursor text;
  v_has_more boolean;
begin
  return query
  select concat(p_epoch, '.', e.epoch, '.', e.xid, '.', e.position), e.recorded_at_ms, e.envelope, null::boolean, null::bigint
  from (
    select o.epoch, o.xid, o.position, o.recorded_at_ms, o.type, o.envelope from mesh.event o
    where (o.epoch, o.xid, o.position) > (p_row_epoch, p_xid, p_position) and (o.epoch < p_epoch or o.xid < v_xmin)
    order by o.epoch, o.xid, o.position limit p_scan
  ) as e
  where p_types is null or e.type = any (p_types)
  limit p_limit + 1;
  get diagnostics v_count = row_count;
  if v_count <= p_limit then
    select e.epoch, e.xid, e.position into v_end
    from (
      select o.epoch, o.xid, o.position from mesh.event o
      where (o.epoch, o.xid, o.position) > (p_row_epoch, p_xid, p_position) and (o.epoch < p_epoch or o.xid < v_xmin)
      order by o.epoch, o.xid, o.position limit p_scan
    ) as e
    order by e.epoch desc, e.xid desc, e.position desc limit 1;
    if v_end is null then
      select p_row_epoch as epoch, p_xid as xid, p_position as position into v_end;
    end if;
    v_end_cursor := concat(p_epoch, '.', v_end.epoch, '.', v_end.xid, '.', v_end.position);
    v_has_more := exists (
      select from mesh.event o
      where (o.epoch, o.xid, o.position) > (v_end.epoch, v_end.xid, v_end.position)
        and (o.epoch < p_epoch or o.xid < v_xmin)
    );
  end if;
  return query
  select v_end_cursor, null::bigint, null::text, v_has_more, min(o.recorded_at_ms) from mesh.event o
  where o.epoch = p_epoch and o.xid >= v_xmin;
end
$$;
