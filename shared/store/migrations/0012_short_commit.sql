-- What a turn writes, each in a statement of its own, which runs where there is something to write. One statement for all
-- of it (0005) pays for each of its six parts, used or not, and a part costs what a statement does: with them apart a turn
-- of a read model, whose only entry here is its inbox, commits in four fifths of the time, one that answers nothing in nine
-- tenths. What needs no table (id and clock) is no statement, and the epoch is read with the versions.
-- Commits a turn. Gives the clock when it is written, or what stands against it (then nothing is written).
-- SQLSTATE MS001 or 23505: somebody else's commit came in between; ask find_conflicts.
--
-- Whoever appends to a stream is held to its version by the table's key: the version before must be there and the next
-- must be free. A version that is asserted without an append, or that a timer follows from, needs a lock besides
-- (p_held_stream, sorted): without it a turn that is just being committed would not be seen, and its timer be replaced
-- by an older one.
--
-- Order of everything that can wait, the same in every commit: locks, dead letters, rows, inbox, voided, events, outbox,
-- timers, effects, lanes; the caller sorts each array.
create or replace function mesh.commit_turn(
  p_inbox_id uuid[] default '{}', p_inbox_consumer text[] default '{}', p_inbox_digest text[] default '{}',
  p_voided_id uuid[] default '{}', p_voided_consumer text[] default '{}', p_voided_digest text[] default '{}',
  p_expected_stream text[] default '{}', p_expected_version integer[] default '{}', p_held_stream text[] default '{}',
  p_event_stream text[] default '{}', p_event_version integer[] default '{}', p_event_id uuid[] default '{}',
  p_event_type text[] default '{}', p_event_schema_version integer[] default '{}', p_event_correlation text[] default '{}',
  p_event_data text default '', p_event_envelope text default '', p_event_hash text[] default '{}',
  p_snapshot_stream text[] default '{}', p_snapshot_version integer[] default '{}',
  p_snapshot_state_version text[] default '{}', p_snapshot_state text[] default '{}',
  p_outbox_id uuid[] default '{}', p_outbox_kind text[] default '{}', p_outbox_message_id uuid[] default '{}',
  p_outbox_type text[] default '{}', p_outbox_exchange text[] default '{}', p_outbox_routing_key text[] default '{}',
  p_outbox_correlation text[] default '{}', p_outbox_order_key text[] default '{}',
  p_outbox_is_mandatory boolean[] default '{}', p_outbox_headers text default '', p_outbox_envelope text default '',
  -- Commands that the row's event answers, separated by commas; null for none.
  p_outbox_answers text[] default '{}',
  p_answered uuid[] default '{}', p_confirmed uuid[] default '{}', p_awaiting uuid[] default '{}',
  p_timer_stream text[] default '{}', p_timer_due bigint[] default '{}',
  p_ended_id text[] default '{}', p_ended_epoch integer[] default '{}',
  p_effect_id text[] default '{}', p_effect_stream text[] default '{}', p_effect_name text[] default '{}',
  p_effect_dependency text[] default '{}', p_effect_correlation text[] default '{}', p_effect_request text[] default '{}',
  p_effect_caused_by text[] default '{}', p_effect_headers text[] default '{}', p_effect_supersedes text[] default '{}',
  p_dead_id uuid[] default '{}', p_dead_message_id text[] default '{}', p_dead_type text[] default '{}',
  p_dead_class text[] default '{}', p_dead_reason text[] default '{}', p_dead_detail text[] default '{}',
  p_dead_attempts integer[] default '{}', p_dead_queue text[] default '{}', p_dead_user_id text[] default '{}',
  p_dead_correlation text[] default '{}', p_dead_body text[] default '{}', p_dead_body_bytes integer[] default '{}',
  p_dead_digest text[] default '{}', p_dead_headers text[] default '{}',
  p_row_projection text[] default '{}', p_row_generation integer[] default '{}', p_row_key text[] default '{}',
  p_row_owner text[] default '{}', p_row_sort text[] default '{}', p_row_revision integer[] default '{}',
  p_row_seen text default '', p_row_row text default '',
  p_settled_id uuid[] default '{}', p_settled_status text[] default '{}',
  -- Version of the lanes that the turn goes by, null for a turn that none of them matters to; what it changes about them.
  p_lane_version bigint default null, p_lanes text default null,
  -- Channel, empty for none.
  p_notify text default ''
) returns table (now_ms bigint, duplicates json, stale json)
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_xid xid8;
  v_now bigint;
  v_epoch integer;
  v_count bigint;
  v_is_stale boolean := false;
  v_lanes_stale boolean := false;
  v_lanes_changed boolean := p_lanes is not null;
begin
  -- Before the first write, so that waiting here holds up no feed.
  if p_lane_version is not null then
    if p_lanes is not null then
      perform pg_advisory_xact_lock(hashtextextended('mesh.lane', 0));
    end if;
    select v.version <> p_lane_version into v_lanes_stale from mesh.lane_version v where v.is_only;
  end if;
  if p_held_stream <> '{}' then
    perform pg_advisory_xact_lock(lock_key)
    from (select distinct hashtextextended(s.name, 0) as lock_key from unnest(p_held_stream) as s(name) order by 1) as k;
    select true into v_is_stale
    from unnest(p_expected_stream, p_expected_version) as s(name, version)
    where s.version <> coalesce(
      (select e.version from mesh.event e where e.stream = s.name order by e.version desc limit 1), 0)
    limit 1;
    select f.epoch into v_epoch from mesh.feed_epoch f where f.is_only;
  else
    select f.epoch, exists (
      select from unnest(p_expected_stream, p_expected_version) as s(name, version)
      where s.version > 0
        and not exists (select from mesh.event e where e.stream = s.name and e.version = s.version)
    ) into v_epoch, v_is_stale from mesh.feed_epoch f where f.is_only;
  end if;
  if p_settled_id <> '{}' and v_is_stale is not true then
    perform 1 from mesh.dead_letter l where l.id = any (p_settled_id) and l.status = 'dead' order by l.id for update;
    get diagnostics v_count = row_count;
    v_is_stale := v_count <> cardinality(p_settled_id);
  end if;
  if v_is_stale or v_lanes_stale then
    return query select null::bigint, c.duplicates, c.stale
    from mesh.find_conflicts(p_inbox_id, p_inbox_consumer, p_inbox_digest, p_expected_stream, p_expected_version,
      p_row_projection, p_row_generation, p_row_key, p_row_revision, p_settled_id, p_ended_id, p_ended_epoch,
      p_lane_version) as c;
    return;
  end if;

  -- Id before clock: whoever has no id yet when a feed looks will record a later time (see readFeed).
  v_xid := pg_current_xact_id();
  v_now := floor(extract(epoch from clock_timestamp()) * 1000)::bigint;

  if p_settled_id <> '{}' then
    update mesh.dead_letter l set status = s.status
    from unnest(p_settled_id, p_settled_status) as s(id, status) where l.id = s.id;
    -- What becomes of a dead head decides its lane: it is tried again, or the lane goes on without it.
    update mesh.lane n set dead_letter_id = null, due_at_ms = v_now, state = case s.status when 'redriven' then 'retry' else 'releasing' end
    from unnest(p_settled_id, p_settled_status) as s(id, status)
    join mesh.dead_letter l on l.id = s.id
    where n.head::text = l.message_id and n.state <> 'releasing';
    v_lanes_changed := v_lanes_changed or found;
  end if;
  if p_row_key <> '{}' then
    with r as materialized (
      select * from unnest(p_row_projection, p_row_generation, p_row_key, p_row_owner, p_row_sort, p_row_revision,
        string_to_array(p_row_seen, E'\n'), string_to_array(p_row_row, E'\n')) as r(projection, generation, key, owner, sort, revision, seen, content)
    ), changed as (
      update mesh.projection p
      set owner = r.owner, sort = r.sort, revision = r.revision + 1, seen = r.seen::json, "row" = r.content::json
      from r
      where r.revision > 0 and p.projection = r.projection and p.generation = r.generation and p.key = r.key
        and p.revision = r.revision
      returning 1
    ), added as (
      insert into mesh.projection (projection, generation, key, owner, sort, revision, seen, "row")
      select r.projection, r.generation, r.key, r.owner, r.sort, 1, r.seen::json, r.content::json
      from r where r.revision = 0
      returning 1
    )
    select (select count(*) from changed) + (select count(*) from added) into v_count;
    if v_count <> cardinality(p_row_key) then
      raise exception 'a row has moved on' using errcode = 'MS001';
    end if;
  end if;
  if p_inbox_id <> '{}' then
    insert into mesh.inbox (message_id, consumer, digest, handled_at_ms)
    select i.id, i.consumer, i.digest, v_now
    from unnest(p_inbox_id, p_inbox_consumer, p_inbox_digest) as i(id, consumer, digest);
  end if;
  if p_event_id <> '{}' then
    insert into mesh.event (xid, recorded_at_ms, epoch, stream, version, id, type, schema_version, correlation, data,
      envelope, hash)
    select v_xid, v_now, v_epoch, e.stream, e.version, e.id, e.type, e.schema_version, e.correlation, e.data::json,
      e.envelope, e.hash
    from unnest(p_event_stream, p_event_version, p_event_id, p_event_type, p_event_schema_version,
      p_event_correlation, string_to_array(p_event_data, E'\n'), string_to_array(p_event_envelope, E'\n'), p_event_hash)
      as e(stream, version, id, type, schema_version, correlation, data, envelope, hash);
  end if;
  if p_outbox_id <> '{}' then
    insert into mesh.outbox (created_at_ms, next_at_ms, id, kind, message_id, type, exchange, routing_key, correlation,
      order_key, is_mandatory, headers, envelope)
    select v_now, v_now, o.id, o.kind, o.message_id, o.type, o.exchange, o.routing_key, o.correlation,
      o.order_key, o.is_mandatory, o.headers::json, o.envelope
    from unnest(p_outbox_id, p_outbox_kind, p_outbox_message_id, p_outbox_type, p_outbox_exchange,
      p_outbox_routing_key, p_outbox_correlation, p_outbox_order_key, p_outbox_is_mandatory,
      string_to_array(p_outbox_headers, E'\n'), string_to_array(p_outbox_envelope, E'\n', '-'))
      as o(id, kind, message_id, type, exchange, routing_key, correlation, order_key, is_mandatory, headers, envelope);
  end if;
  if p_outbox_answers <> '{}' then
    insert into mesh.answer (command_id, event_id, recorded_at_ms, type, exchange, routing_key, correlation, order_key,
      is_mandatory, headers)
    select a.command_id::uuid, o.message_id, v_now, o.type, o.exchange, o.routing_key, o.correlation, o.order_key,
      o.is_mandatory, o.headers::json
    from unnest(p_outbox_message_id, p_outbox_type, p_outbox_exchange, p_outbox_routing_key, p_outbox_correlation,
      p_outbox_order_key, p_outbox_is_mandatory, string_to_array(p_outbox_headers, E'\n'), p_outbox_answers)
      as o(message_id, type, exchange, routing_key, correlation, order_key, is_mandatory, headers, answers)
    cross join lateral string_to_table(o.answers, ',') as a(command_id)
    on conflict do nothing;
  end if;
  -- After the outbox: a turn may undo what it has sent itself.
  if p_answered <> '{}' then
    delete from mesh.outbox where message_id = any (p_answered) and kind = 'command';
  end if;
  if p_confirmed <> '{}' then
    delete from mesh.outbox where id = any (p_confirmed) and kind <> 'command';
  end if;
  if p_voided_id <> '{}' then
    insert into mesh.inbox (message_id, consumer, digest, handled_at_ms)
    select i.id, i.consumer, i.digest, v_now
    from unnest(p_voided_id, p_voided_consumer, p_voided_digest) as i(id, consumer, digest)
    on conflict do nothing;
  end if;
  if p_snapshot_stream <> '{}' then
    insert into mesh.snapshot as old (stream, state_version, version, state)
    select s.stream, s.state_version, s.version, s.state::json
    from unnest(p_snapshot_stream, p_snapshot_version, p_snapshot_state_version, p_snapshot_state)
      as s(stream, version, state_version, state)
    on conflict on constraint snapshot_pkey do update set version = excluded.version, state = excluded.state
    where old.version < excluded.version;
  end if;
  if p_awaiting <> '{}' then
    perform mesh.settle_outbox(p_awaiting, '{}');
  end if;
  if p_timer_stream <> '{}' then
    insert into mesh.timer as old (stream, due_at_ms)
    select t.stream, t.due from unnest(p_timer_stream, p_timer_due) as t(stream, due) where t.due is not null
    on conflict (stream) do update set due_at_ms = excluded.due_at_ms, fired_at_ms = null
    where old.due_at_ms <> excluded.due_at_ms;
    delete from mesh.timer old using unnest(p_timer_stream, p_timer_due) as t(stream, due)
    where t.due is null and old.stream = t.stream;
  end if;
  if p_ended_id <> '{}' then
    with ended as (
      delete from mesh.effect e using unnest(p_ended_id, p_ended_epoch) as x(id, epoch)
      where e.id = x.id and e.lease_epoch = x.epoch returning e.*
    ), given_up as (
      delete from mesh.effect older using ended
      where older.stream = ended.stream and older.position < ended.position and older.effect = any (ended.supersedes)
    )
    select count(*) into v_count from ended;
    if v_count <> cardinality(p_ended_id) then
      raise exception 'the lease of an effect was lost' using errcode = 'MS001';
    end if;
  end if;
  if p_effect_id <> '{}' then
    insert into mesh.effect (created_at_ms, next_at_ms, id, stream, effect, dependency, correlation, request, caused_by, headers,
      supersedes)
    select v_now, v_now, e.id, e.stream, e.effect, e.dependency, e.correlation, e.request::json, e.caused_by::json, e.headers::json,
      array(select json_array_elements_text(e.supersedes::json))
    from unnest(p_effect_id, p_effect_stream, p_effect_name, p_effect_dependency, p_effect_correlation, p_effect_request,
      p_effect_caused_by, p_effect_headers, p_effect_supersedes)
      as e(id, stream, effect, dependency, correlation, request, caused_by, headers, supersedes);
  end if;
  if p_dead_id <> '{}' then
    insert into mesh.dead_letter (died_at_ms, id, message_id, type, class, reason, detail, attempts, queue, user_id,
      correlation, body, body_bytes, digest, headers)
    select v_now, d.id, d.message_id, d.type, d.class, d.reason, d.detail, d.attempts, d.queue, d.user_id,
      d.correlation, d.body, d.body_bytes, d.digest, d.headers::json
    from unnest(p_dead_id, p_dead_message_id, p_dead_type, p_dead_class, p_dead_reason, p_dead_detail, p_dead_attempts,
      p_dead_queue, p_dead_user_id, p_dead_correlation, p_dead_body, p_dead_body_bytes, p_dead_digest, p_dead_headers)
      as d(id, message_id, type, class, reason, detail, attempts, queue, user_id, correlation, body, body_bytes, digest, headers);
  end if;
  if p_lanes is not null then
    perform mesh.write_lanes(p_lanes::json, v_now);
  end if;
  if p_dead_id <> '{}' then
    -- A dead letter makes the lane dead whose head it is, whoever wrote it.
    update mesh.lane n set state = 'dead', dead_letter_id = d.id
    from unnest(p_dead_id, p_dead_message_id, p_dead_class) as d(id, message_id, class)
    where n.head::text = d.message_id and d.class <> 'untrusted' and n.state <> 'releasing';
    v_lanes_changed := v_lanes_changed or found;
  end if;
  if v_lanes_changed then
    perform mesh.lanes_moved();
  end if;
  if p_notify <> '' then
    perform pg_notify(p_notify, '');
  end if;
  now_ms := floor(extract(epoch from clock_timestamp()) * 1000)::bigint;
  return next;
end
$$;

