-- An entry cost the database more than its verification cost the service: eleven indexes on long texts, three of them
-- over a few dozen values, and the compression of envelopes, which are base64 and get no smaller. What stays is what an
-- answer needs to be found in one look (id, flow, stream) or in order (time). Types, signers, keys and actors are found
-- through the spans of time in which they occur.

-- Envelopes have 1 to 3 KB. They stay in their row, as they are, up to a quarter of what a page holds.
alter table audit.entry alter envelope set storage external;
alter table audit.entry set (toast_tuple_target = 8160);

drop index audit.entry_by_time, audit.entry_by_type, audit.entry_by_signer, audit.entry_by_kid, audit.entry_by_actor,
  audit.entry_head;
alter table audit.entry drop constraint entry_pkey;
alter table audit.entry add constraint entry_pkey primary key (recorded_at_ms, position);
-- That no envelope of a feed is stored twice is kept by audit.append: one process at a time moves a feed's cursor.
alter table audit.entry drop constraint entry_identity_key;
create index entry_by_id on audit.entry (id);
create index entry_nameless on audit.entry (hash) where id = '';

-- In which spans of 4,096 ms (recorded_at_ms >> 12) something occurs at least once: a few rows for each page of a feed,
-- however many entries it has. A span holds what a busy shop says in four seconds, which is read in a few milliseconds.
create table audit.sighting (
  span  bigint not null,
  fact  text collate "C" not null check (fact in ('type', 'signer', 'kid', 'actor')),
  value text collate "C" not null,
  constraint sighting_pkey primary key (fact, value, span)
);
insert into audit.sighting (fact, value, span)
select distinct f.fact, f.value, e.recorded_at_ms >> 12
from audit.entry e
cross join lateral (values ('type', e.type), ('signer', e.signer), ('kid', e.kid), ('actor', e.actor)) as f(fact, value)
where f.value is not null;
select mesh.make_append_only('audit.sighting');

-- Stores entries of one feed and moves its cursor, in one statement. Gives false, with nothing changed, where another
-- cursor is stored than the given one. The row of the feed is the lock that lets one process at a time add to it.
-- Sightings are sorted, so that two feeds that see the same cannot wait for each other in a circle.
--
-- Texts come as one text per column, parted by p_separator, with nothing for null: the server takes 20 times as long to
-- read an array literal of envelopes, and 15 times to read JSON.
create function audit.append(
  p_owner text, p_stored text, p_next text, p_complete_until_ms bigint, p_separator text,
  p_recorded_at_ms bigint[], p_issued_at_s bigint[], p_n bigint[], p_id text, p_hash text, p_signer text,
  p_type text, p_schema text, p_subject text, p_prv text, p_correlation text, p_causation text,
  p_actor text, p_kid text, p_reason text, p_chain text, p_envelope text,
  p_sighted_fact text[], p_sighted_value text[], p_sighted_span bigint[]
) returns boolean
language plpgsql volatile
set jit = off set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
  if p_stored = '' then
    insert into audit.feed (owner, cursor, complete_until_ms) values (p_owner, '', 0) on conflict (owner) do nothing;
  end if;
  update audit.feed f
  set cursor = p_next, complete_until_ms = p_complete_until_ms,
    entry_count = f.entry_count + cardinality(p_recorded_at_ms)
  where f.owner = p_owner and f.cursor = p_stored;
  if not found then
    return false;
  end if;
  insert into audit.entry (recorded_at_ms, issued_at_s, n, owner, id, hash, signer, type, schema, subject, prv,
    correlation, causation, actor, kid, reason, chain, envelope)
  select e.recorded_at_ms, e.issued_at_s, e.n, p_owner, coalesce(e.id, ''), e.hash, e.signer, e.type, e.schema,
    e.subject, e.prv, e.correlation, e.causation, e.actor, e.kid, e.reason, e.chain, coalesce(e.envelope, '')
  from unnest(p_recorded_at_ms, p_issued_at_s, p_n,
    string_to_array(p_id, p_separator, ''), string_to_array(p_hash, p_separator, ''),
    string_to_array(p_signer, p_separator, ''), string_to_array(p_type, p_separator, ''),
    string_to_array(p_schema, p_separator, ''), string_to_array(p_subject, p_separator, ''),
    string_to_array(p_prv, p_separator, ''), string_to_array(p_correlation, p_separator, ''),
    string_to_array(p_causation, p_separator, ''), string_to_array(p_actor, p_separator, ''),
    string_to_array(p_kid, p_separator, ''), string_to_array(p_reason, p_separator, ''),
    string_to_array(p_chain, p_separator, ''), string_to_array(p_envelope, p_separator, ''))
    as e(recorded_at_ms, issued_at_s, n, id, hash, signer, type, schema, subject, prv, correlation, causation, actor,
      kid, reason, chain, envelope);
  insert into audit.sighting (fact, value, span)
  select s.fact, s.value, s.span from unnest(p_sighted_fact, p_sighted_value, p_sighted_span) as s(fact, value, span)
  order by s.fact, s.value, s.span
  on conflict do nothing;
  return true;
end
$$;

-- What is known of streams and ids that occur in a page that was just read: the last proven event of each stream (n is
-- not null), and what is stored under each id. Each name costs one look into an index, however many entries there are.
--
-- A stream's events were recorded in their order, except by a clock that went back: the last 256 hold the last one
-- unless more events than that were recorded twice over in the same moments. Entries of a stream that do not verify
-- are passed over and not counted, so that nobody can hide its head behind forged ones.
create function audit.recall(p_owner text, p_streams text[], p_ids text[], p_nameless text[]) returns table (
  name text, n bigint, hash text, owner text, is_verified boolean
)
language plpgsql stable
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  select s.name, head.n, head.hash, null::text, true
  from unnest(p_streams) as s(name)
  cross join lateral (
    select last.n, last.hash from (
      select e.n, e.hash, e.position from audit.entry e
      where e.subject = s.name and e.reason is null and e.n is not null
      order by e.recorded_at_ms desc, e.position desc limit 256
    ) as last
    order by last.n desc, last.position limit 1
  ) as head;
  return query
  select e.id, null::bigint, e.hash, e.owner, e.reason is null
  from unnest(p_ids) as i(id) join audit.entry e on e.id = i.id;
  return query
  select e.id, null::bigint, e.hash, e.owner, e.reason is null
  from unnest(p_nameless) as i(hash) join audit.entry e on e.id = '' and e.hash = i.hash and e.owner = p_owner;
end
$$;

-- Entries by type, signer, actor or key (null where it does not matter; at least one is given), in the order of their
-- recording: span by span of those in which all that is asked for occurs, until there are enough.
create function audit.find_sighted(
  p_type text, p_signer text, p_actor text, p_kid text, p_from_ms bigint, p_to_ms bigint,
  p_after_ms bigint, p_after_position bigint, p_limit integer
) returns setof audit.entry
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_sort = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  -- The one that usually is the rarest leads.
  v_fact constant text := case when p_actor is not null then 'actor' when p_type is not null then 'type'
    when p_kid is not null then 'kid' else 'signer' end;
  v_value constant text := coalesce(p_actor, p_type, p_kid, p_signer);
  -- greatest and least pass nulls over.
  v_from_ms constant bigint := greatest(p_from_ms, p_after_ms, 0);
  v_to_ms constant bigint := coalesce(p_to_ms, 9223372036854775807);
  v_missing integer := p_limit;
  v_found integer;
  v_span bigint;
begin
  for v_span in
    select s.span from audit.sighting s
    where s.fact = v_fact and s.value = v_value and s.span >= v_from_ms >> 12 and s.span <= v_to_ms >> 12
      -- With a limit, because the planner would otherwise read all spans of the other fact into memory.
      and (p_type is null or v_fact = 'type' or (
        select true from audit.sighting o where o.fact = 'type' and o.value = p_type and o.span = s.span limit 1))
      and (p_kid is null or v_fact = 'kid' or (
        select true from audit.sighting o where o.fact = 'kid' and o.value = p_kid and o.span = s.span limit 1))
      and (p_signer is null or v_fact = 'signer' or (
        select true from audit.sighting o where o.fact = 'signer' and o.value = p_signer and o.span = s.span limit 1))
    order by s.span
  loop
    return query
    select e.* from audit.entry e
    where e.recorded_at_ms >= greatest(v_span << 12, v_from_ms) and e.recorded_at_ms < least((v_span + 1) << 12, v_to_ms)
      and (p_after_ms is null or (e.recorded_at_ms, e.position) > (p_after_ms, p_after_position))
      and (p_type is null or e.type = p_type) and (p_signer is null or e.signer = p_signer)
      and (p_actor is null or e.actor = p_actor) and (p_kid is null or e.kid = p_kid)
    order by e.recorded_at_ms, e.position limit v_missing;
    get diagnostics v_found = row_count;
    v_missing := v_missing - v_found;
    exit when v_missing = 0;
  end loop;
end
$$;
