-- Actors as they stand: per stream the rows from its snapshot's version on (that row gives the hash and carries the
-- snapshot), or all; one row of nulls for a stream without events.
create function mesh.load_streams(p_streams text[], p_state_version text) returns table (
  ordinal bigint, snapshot_version integer, state json, version integer, type text, schema_version integer, data json, hash text
)
language plpgsql stable
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  select s.ordinal, n.version, case when e.version = n.version then n.state end,
    e.version, e.type, e.schema_version, case when e.version = n.version then null else e.data end, e.hash
  from unnest(p_streams) with ordinality as s(name, ordinal)
  left join mesh.snapshot n on n.stream = s.name and n.state_version = p_state_version
  left join lateral (
    select o.version, o.type, o.schema_version, o.data, o.hash from mesh.event o
    where o.stream = s.name and o.version >= coalesce(n.version, 1)
  ) as e on true
  order by s.ordinal, e.version;
end
$$;

-- A page of the feed: see readFeed. Its items, and after them one row without envelope: where the page ends, whether
-- more is there, and since when events are held back behind an open transaction (null if none are).
-- Looks at p_scan events at most. Stable: all of it sees the same snapshot. Sorting is off, because a plan that sorts
-- reads all that follows the cursor.
create function mesh.read_feed(
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
      return query select v_event.epoch, v_event.xid::text, v_event.position::text, v_event.recorded_at_ms,
        v_event.envelope, null::boolean, null::bigint;
    end if;
  end loop;
  select min(e.recorded_at_ms) into v_held_since_ms from mesh.event e
  where e.epoch = p_epoch and e.xid >= pg_snapshot_xmin(pg_current_snapshot());
  return query select v_end.epoch, v_end.xid::text, v_end.position::text, null::bigint, null::text, v_has_more, v_held_since_ms;
end
$$;

-- Claims rows to publish, in commit order. Claims run one at a time (advisory lock), so that no two of them split the
-- rows of one order key between them. A row waits for earlier rows of its order key that failed or are on their way.
-- Commands are sent for 30 days at most: receivers' inboxes reach back 45.
create function mesh.claim_outbox(p_limit integer, p_older_than_ms bigint, p_lease_ms bigint) returns table (
  id uuid, kind text, message_id uuid, type text, exchange text, routing_key text, correlation text, order_key text,
  is_mandatory boolean, headers json, envelope text, sent_count integer
)
language plpgsql volatile
set jit = off as $$
#variable_conflict use_column
declare
  v_now bigint;
  v_oldest_command constant bigint := mesh.now_ms() - 2592000000;
begin
  perform pg_advisory_xact_lock(hashtextextended('mesh.claim_outbox', 1));
  v_now := mesh.now_ms();
  return query
  with due as (
    select o.id from mesh.outbox o
    where o.next_at_ms <= v_now and o.created_at_ms <= v_now - p_older_than_ms
      and (o.claimed_until_ms is null or o.claimed_until_ms <= v_now)
      and not (o.kind = 'command' and o.created_at_ms < v_oldest_command)
      and not exists (
        select 1 from mesh.outbox e
        where e.order_key = o.order_key and e.position < o.position
          and (e.failed_count > 0 or e.claimed_until_ms > v_now)
          and not (e.kind = 'command' and e.created_at_ms < v_oldest_command)
      )
    order by o.position limit p_limit
    for update of o skip locked
  ), claimed as (
    update mesh.outbox o set claimed_until_ms = v_now + p_lease_ms from due where o.id = due.id returning o.*
  )
  select c.id, c.kind, c.message_id, c.type, c.exchange, c.routing_key, c.correlation, c.order_key,
    c.is_mandatory, c.headers, coalesce(c.envelope, e.envelope), c.sent_count
  from claimed c left join mesh.event e on c.envelope is null and e.id = c.message_id
  order by c.position;
end
$$;

-- Claims effects: the oldest open one of each stream, if nobody holds it and its wait is over, within the dependency's limit.
create function mesh.claim_effects(p_dependency text[], p_limit integer[], p_lease_ms bigint) returns table (
  id text, stream text, effect text, dependency text, correlation text, request json, caused_by json, headers json,
  attempt integer, lease_epoch integer
)
language plpgsql volatile
-- One plan for all calls: making one takes longer than claiming, and this is called with every effect that ends.
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_now bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('mesh.claim_effects', 1));
  v_now := mesh.now_ms();
  return query
  with due as (
    select f.id
    from unnest(p_dependency, p_limit) as d(name, places)
    cross join lateral (
      select e.id from mesh.effect e
      where e.dependency = d.name and e.next_at_ms <= v_now
        and (e.leased_until_ms is null or e.leased_until_ms <= v_now)
        and not exists (
          select 1 from mesh.effect newer
          where newer.stream = e.stream and newer.position > e.position and e.effect = any (newer.supersedes))
        -- What is superseded counts only while an attempt is under way.
        and not exists (
          select 1 from mesh.effect older
          where older.stream = e.stream and older.position < e.position
            and (older.leased_until_ms > v_now or not older.effect = any (e.supersedes)))
      order by e.position limit d.places
      for update of e skip locked
    ) as f
  ), claimed as (
    update mesh.effect e
    set leased_until_ms = v_now + p_lease_ms, lease_epoch = e.lease_epoch + 1, attempt = e.attempt + 1
    from due where e.id = due.id returning e.*
  )
  select c.id, c.stream, c.effect, c.dependency, c.correlation, c.request, c.caused_by, c.headers, c.attempt, c.lease_epoch
  from claimed c order by c.position;
end
$$;
