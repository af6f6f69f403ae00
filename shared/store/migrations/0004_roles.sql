-- For tables that only grow: takes from the runtime role (the setting mesh.runtime_role, made by the migration) what
-- it got by default and a truthful record must not allow. Services use it for their own tables, too.
create function mesh.make_append_only(p_table regclass) returns void
language plpgsql volatile as $$
declare
  v_role constant text := current_setting('mesh.runtime_role', true);
begin
  if v_role <> '' then
    execute format('revoke update, delete, truncate, references, trigger on table %s from %I', p_table, v_role);
  end if;
end
$$;

-- For tables that the runtime role may only read.
create function mesh.make_read_only(p_table regclass) returns void
language plpgsql volatile as $$
declare
  v_role constant text := current_setting('mesh.runtime_role', true);
begin
  if v_role <> '' then
    execute format('revoke insert, update, delete, truncate, references, trigger on table %s from %I', p_table, v_role);
  end if;
end
$$;

select mesh.make_append_only('mesh.event');
select mesh.make_read_only('mesh.feed_epoch');
