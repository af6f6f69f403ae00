-- Who holds an effect: the next run of a replica need not wait for the leases of the one that died.
--
-- What is abandoned is claimed again at once, with its idempotency key. It still counts as under way for an effect that
-- supersedes it: the call of the dead process may not have arrived yet, and what cancels it must not come first.
alter table mesh.effect
  add column leased_by integer,
  add column is_abandoned boolean not null default false;

drop function mesh.claim_effects;

-- As before; see 0003.
create function mesh.claim_effects(
  p_dependency text[], p_limit integer[], p_lease_ms bigint, p_by integer
) returns table (
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
        and (e.leased_until_ms is null or e.leased_until_ms <= v_now or e.is_abandoned)
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
    set leased_until_ms = v_now + p_lease_ms, lease_epoch = e.lease_epoch + 1, attempt = e.attempt + 1,
      leased_by = p_by, is_abandoned = false
    from due where e.id = due.id returning e.*
  )
  select c.id, c.stream, c.effect, c.dependency, c.correlation, c.request, c.caused_by, c.headers, c.attempt, c.lease_epoch
  from claimed c order by c.position;
end
$$;
