-- One turn in one statement: one round trip, one implicit transaction.
--
-- Order of everything that can wait, the same in every commit, so that commits cannot wait for each other in a circle:
-- streams (advisory locks, sorted), dead letters, rows, inbox, voided, events, outbox, timers, effects; the caller sorts each array.
--
-- Sequential scans are off because these plans are cached: one that was made while the tables were empty would read
-- them whole until somebody analyses them. Joins are loops over the arrays, in the arrays' order. Compilation (jit) is
-- off because it is chosen by estimated cost, and what the switches above forbid counts as endlessly expensive: it
-- took 7 ms of every commit.

-- What stands against a commit, or nulls. Reads only.
create function mesh.find_conflicts(
  p_inbox_id uuid[], p_inbox_consumer text[], p_inbox_digest text[],
  p_expected_stream text[], p_expected_version integer[],
  p_row_projection text[], p_row_generation integer[], p_row_key text[], p_row_revision integer[],
  p_settled_id uuid[]
) returns table (duplicates json, stale json)
language sql stable
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select
    (
      select json_agg(json_build_object(
        'messageId', m.id, 'consumer', m.consumer, 'isSameDigest', i.digest = '' or m.digest = '' or i.digest = m.digest
      ) order by m.ordinal)
      from unnest(p_inbox_id, p_inbox_consumer, p_inbox_digest) with ordinality as m(id, consumer, digest, ordinal)
      join mesh.inbox i on i.message_id = m.id and i.consumer = m.consumer
    ),
    (
      select json_agg(moved.name order by moved.name collate "C")
      from (
        select s.name
        from unnest(p_expected_stream, p_expected_version) as s(name, version)
        where s.version <> coalesce(
          (select e.version from mesh.event e where e.stream = s.name order by e.version desc limit 1), 0)
        union all
        select r.projection || ':' || r.key
        from unnest(p_row_projection, p_row_generation, p_row_key, p_row_revision) as r(projection, generation, key, revision)
        where r.revision <> coalesce(
          (select p.revision from mesh.projection p
           where p.projection = r.projection and p.generation = r.generation and p.key = r.key), 0)
        union all
        select d.id::text
        from unnest(p_settled_id) as d(id)
        where not exists (select 1 from mesh.dead_letter l where l.id = d.id and l.status = 'dead')
      ) as moved
    )
$$;

-- Confirmed commands wait for their answer: 30 s, doubling to 10 min. Confirmed events and retries are done.
-- A failed row waits 1 s, doubling to 1 min. A failure only counts while nobody has confirmed the row since: it may
-- come from a process whose claim was lost.
create function mesh.settle_outbox(p_confirmed uuid[], p_failed uuid[]) returns void
language plpgsql volatile
set jit = off set enable_seqscan = off as $$
declare
  v_now constant bigint := mesh.now_ms();
begin
  if cardinality(p_confirmed) > 0 then
    delete from mesh.outbox where id = any (p_confirmed) and kind <> 'command';
    update mesh.outbox
    set next_at_ms = v_now + least(30000 * 2 ^ least(sent_count, 10), 600000)::bigint,
        sent_count = sent_count + 1, failed_count = 0, claimed_until_ms = null
    where id = any (p_confirmed) and kind = 'command';
  end if;
  if cardinality(p_failed) > 0 then
    update mesh.outbox
    set next_at_ms = v_now + least(1000 * 2 ^ least(failed_count, 10), 60000)::bigint,
        failed_count = failed_count + 1, claimed_until_ms = null
    where id = any (p_failed) and (claimed_until_ms is not null or sent_count = 0);
  end if;
end
$$;

create function mesh.insert_outbox(
  p_now_ms bigint, p_id uuid[], p_kind text[], p_message_id uuid[], p_type text[], p_exchange text[], p_routing_key text[],
  p_correlation text[], p_order_key text[], p_is_mandatory boolean[], p_headers text[], p_envelope text[]
) returns void
language plpgsql volatile as $$
begin
  insert into mesh.outbox (created_at_ms, next_at_ms, id, kind, message_id, type, exchange, routing_key, correlation,
    order_key, is_mandatory, headers, envelope)
  select p_now_ms, p_now_ms, o.id, o.kind, o.message_id, o.type, o.exchange, o.routing_key, o.correlation,
    o.order_key, o.is_mandatory, o.headers::json, o.envelope
  from unnest(p_id, p_kind, p_message_id, p_type, p_exchange, p_routing_key, p_correlation, p_order_key, p_is_mandatory,
    p_headers, p_envelope)
    as o(id, kind, message_id, type, exchange, routing_key, correlation, order_key, is_mandatory, headers, envelope);
end
$$;

-- Commits a turn. Gives the clock when it is written, or what stands against it (then nothing is written).
-- SQLSTATE MS001 or 23505: somebody else's commit came in between; ask find_conflicts.
create function mesh.commit_turn(
  p_inbox_id uuid[], p_inbox_consumer text[], p_inbox_digest text[],
  p_voided_id uuid[], p_voided_consumer text[], p_voided_digest text[],
  p_expected_stream text[], p_expected_version integer[],
  p_event_stream text[], p_event_version integer[], p_event_id uuid[], p_event_type text[],
  p_event_schema_version integer[], p_event_correlation text[], p_event_data text[], p_event_envelope text[],
  p_event_hash text[],
  p_answer_command uuid[], p_answer_outbox uuid[],
  p_snapshot_stream text[], p_snapshot_version integer[], p_snapshot_state_version text[], p_snapshot_state text[],
  p_outbox_id uuid[], p_outbox_kind text[], p_outbox_message_id uuid[], p_outbox_type text[], p_outbox_exchange text[],
  p_outbox_routing_key text[], p_outbox_correlation text[], p_outbox_order_key text[], p_outbox_is_mandatory boolean[],
  p_outbox_headers text[], p_outbox_envelope text[],
  p_answered uuid[], p_confirmed uuid[],
  p_timer_stream text[], p_timer_due bigint[],
  p_effect_id text[], p_effect_stream text[], p_effect_name text[], p_effect_dependency text[],
  p_effect_correlation text[], p_effect_request text[], p_effect_caused_by text[], p_effect_headers text[],
  p_effect_supersedes text[],
  p_dead_id uuid[], p_dead_message_id text[], p_dead_type text[], p_dead_class text[], p_dead_reason text[],
  p_dead_detail text[], p_dead_attempts integer[], p_dead_queue text[], p_dead_user_id text[], p_dead_correlation text[],
  p_dead_body text[], p_dead_body_bytes integer[], p_dead_digest text[], p_dead_headers text[],
  p_row_projection text[], p_row_generation integer[], p_row_key text[], p_row_owner text[], p_row_sort text[],
  p_row_revision integer[], p_row_seen text[], p_row_row text[],
  p_settled_id uuid[], p_settled_status text[],
  -- Channel, empty for none.
  p_notify text
) returns table (now_ms bigint, duplicates json, stale json)
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_now bigint;
  v_epoch integer;
  v_count bigint;
  v_is_stale boolean := false;
begin
  -- One turn at a time per stream. Under the lock nobody else can append, set its timer or draw its effect ids, until
  -- this transaction ends; the check below therefore still holds at the commit, also where nothing is appended.
  -- Before the first write, so that waiting here holds up no feed.
  if cardinality(p_expected_stream) > 0 then
    perform pg_advisory_xact_lock(lock_key)
    from (select distinct hashtextextended(s.name, 0) as lock_key from unnest(p_expected_stream) as s(name) order by 1) as k;
    select true into v_is_stale
    from unnest(p_expected_stream, p_expected_version) as s(name, version)
    where s.version <> coalesce(
      (select e.version from mesh.event e where e.stream = s.name order by e.version desc limit 1), 0)
    limit 1;
  end if;
  if cardinality(p_settled_id) > 0 and v_is_stale is not true then
    perform 1 from mesh.dead_letter l where l.id = any (p_settled_id) and l.status = 'dead' order by l.id for update;
    get diagnostics v_count = row_count;
    v_is_stale := v_count <> cardinality(p_settled_id);
  end if;
  if v_is_stale then
    return query select null::bigint, c.duplicates, c.stale
    from mesh.find_conflicts(p_inbox_id, p_inbox_consumer, p_inbox_digest, p_expected_stream, p_expected_version,
      p_row_projection, p_row_generation, p_row_key, p_row_revision, p_settled_id) as c;
    return;
  end if;

  -- Id before clock: whoever has no id yet when a feed looks will record a later time (see readFeed).
  perform pg_current_xact_id();
  v_now := mesh.now_ms();
  select f.epoch into v_epoch from mesh.feed_epoch f;

  if cardinality(p_settled_id) > 0 then
    update mesh.dead_letter l set status = s.status
    from unnest(p_settled_id, p_settled_status) as s(id, status) where l.id = s.id;
  end if;
  if cardinality(p_row_key) > 0 then
    update mesh.projection p
    set owner = r.owner, sort = r.sort, revision = r.revision + 1, seen = r.seen::json, "row" = r.content::json
    from unnest(p_row_projection, p_row_generation, p_row_key, p_row_owner, p_row_sort, p_row_revision, p_row_seen, p_row_row)
      as r(projection, generation, key, owner, sort, revision, seen, content)
    where r.revision > 0 and p.projection = r.projection and p.generation = r.generation and p.key = r.key
      and p.revision = r.revision;
    get diagnostics v_count = row_count;
    insert into mesh.projection (projection, generation, key, owner, sort, revision, seen, "row")
    select r.projection, r.generation, r.key, r.owner, r.sort, 1, r.seen::json, r.content::json
    from unnest(p_row_projection, p_row_generation, p_row_key, p_row_owner, p_row_sort, p_row_revision, p_row_seen, p_row_row)
      as r(projection, generation, key, owner, sort, revision, seen, content)
    where r.revision = 0;
    if v_count <> (select count(*) from unnest(p_row_revision) as r(revision) where r.revision > 0) then
      raise exception 'a row has moved on' using errcode = 'MS001';
    end if;
  end if;
  if cardinality(p_inbox_id) > 0 then
    insert into mesh.inbox (message_id, consumer, digest, handled_at_ms)
    select i.id, i.consumer, i.digest, v_now from unnest(p_inbox_id, p_inbox_consumer, p_inbox_digest) as i(id, consumer, digest);
  end if;
  if cardinality(p_voided_id) > 0 then
    insert into mesh.inbox (message_id, consumer, digest, handled_at_ms)
    select i.id, i.consumer, i.digest, v_now
    from unnest(p_voided_id, p_voided_consumer, p_voided_digest) as i(id, consumer, digest)
    on conflict do nothing;
  end if;
  if cardinality(p_event_id) > 0 then
    insert into mesh.event (recorded_at_ms, epoch, stream, version, id, type, schema_version, correlation, data, envelope, hash)
    select v_now, v_epoch, e.stream, e.version, e.id, e.type, e.schema_version, e.correlation, e.data::json, e.envelope, e.hash
    from unnest(p_event_stream, p_event_version, p_event_id, p_event_type, p_event_schema_version, p_event_correlation,
      p_event_data, p_event_envelope, p_event_hash)
      as e(stream, version, id, type, schema_version, correlation, data, envelope, hash);
  end if;
  if cardinality(p_snapshot_stream) > 0 then
    insert into mesh.snapshot as old (stream, state_version, version, state)
    select s.stream, s.state_version, s.version, s.state::json
    from unnest(p_snapshot_stream, p_snapshot_version, p_snapshot_state_version, p_snapshot_state)
      as s(stream, version, state_version, state)
    on conflict on constraint snapshot_pkey do update set version = excluded.version, state = excluded.state
    where old.version < excluded.version;
  end if;
  if cardinality(p_outbox_id) > 0 then
    perform mesh.insert_outbox(v_now, p_outbox_id, p_outbox_kind, p_outbox_message_id, p_outbox_type, p_outbox_exchange,
      p_outbox_routing_key, p_outbox_correlation, p_outbox_order_key, p_outbox_is_mandatory, p_outbox_headers,
      p_outbox_envelope);
  end if;
  if cardinality(p_answer_command) > 0 then
    insert into mesh.answer (command_id, event_id, recorded_at_ms, type, exchange, routing_key, correlation, order_key,
      is_mandatory, headers)
    select a.command_id, o.message_id, v_now, o.type, o.exchange, o.routing_key, o.correlation, o.order_key,
      o.is_mandatory, o.headers
    from unnest(p_answer_command, p_answer_outbox) as a(command_id, outbox_id) join mesh.outbox o on o.id = a.outbox_id
    on conflict do nothing;
  end if;
  if cardinality(p_answered) > 0 then
    delete from mesh.outbox where message_id = any (p_answered) and kind = 'command';
  end if;
  if cardinality(p_confirmed) > 0 then
    perform mesh.settle_outbox(p_confirmed, '{}');
  end if;
  if cardinality(p_timer_stream) > 0 then
    insert into mesh.timer as old (stream, due_at_ms)
    select t.stream, t.due from unnest(p_timer_stream, p_timer_due) as t(stream, due) where t.due is not null
    on conflict (stream) do update set due_at_ms = excluded.due_at_ms, fired_at_ms = null
    where old.due_at_ms <> excluded.due_at_ms;
    delete from mesh.timer old using unnest(p_timer_stream, p_timer_due) as t(stream, due)
    where t.due is null and old.stream = t.stream;
  end if;
  if cardinality(p_effect_id) > 0 then
    insert into mesh.effect (created_at_ms, next_at_ms, id, stream, effect, dependency, correlation, request, caused_by, headers,
      supersedes)
    select v_now, v_now, e.id, e.stream, e.effect, e.dependency, e.correlation, e.request::json, e.caused_by::json, e.headers::json,
      array(select json_array_elements_text(e.supersedes::json))
    from unnest(p_effect_id, p_effect_stream, p_effect_name, p_effect_dependency, p_effect_correlation, p_effect_request,
      p_effect_caused_by, p_effect_headers, p_effect_supersedes)
      as e(id, stream, effect, dependency, correlation, request, caused_by, headers, supersedes);
  end if;
  if cardinality(p_dead_id) > 0 then
    insert into mesh.dead_letter (died_at_ms, id, message_id, type, class, reason, detail, attempts, queue, user_id,
      correlation, body, body_bytes, digest, headers)
    select v_now, d.id, d.message_id, d.type, d.class, d.reason, d.detail, d.attempts, d.queue, d.user_id,
      d.correlation, d.body, d.body_bytes, d.digest, d.headers::json
    from unnest(p_dead_id, p_dead_message_id, p_dead_type, p_dead_class, p_dead_reason, p_dead_detail, p_dead_attempts,
      p_dead_queue, p_dead_user_id, p_dead_correlation, p_dead_body, p_dead_body_bytes, p_dead_digest, p_dead_headers)
      as d(id, message_id, type, class, reason, detail, attempts, queue, user_id, correlation, body, body_bytes, digest, headers);
  end if;
  if p_notify <> '' then
    perform pg_notify(p_notify, '');
  end if;
  return query select mesh.now_ms(), null::json, null::json;
end
$$;
