/**
 * Finds the fields of a value that a validator never looks at.
 *
 * The validators of `kubernetes-models` are compiled code that lets unknown fields pass. What they know, they read: so the
 * value is handed to them behind proxies that note every field that is read, and what nobody read is unknown. A map with
 * names of one's own (labels, data) counts as read when its keys were listed.
 *
 * @param value Plain JSON.
 * @param validate Looks at the value; may throw.
 * @returns Paths such as `spec.replica`, in the order of the value.
 */
export function unreadFields(value: object, validate: (watched: object) => void): readonly string[] {
  const notes = new Map<object, Set<PropertyKey> | "all">();
  const proxies = new Map<object, object>();
  const watch = (target: object): object => {
    const known = proxies.get(target);
    if (known !== undefined) return known;
    const note = (key: PropertyKey) => {
      const noted = notes.get(target) ?? new Set();
      if (noted !== "all") notes.set(target, noted.add(key));
    };
    const proxy = new Proxy(target, {
      get(_target, key) {
        note(key);
        const inner: unknown = Reflect.get(target, key);
        return typeof inner === "object" && inner !== null ? watch(inner) : inner;
      },
      has(_target, key) {
        note(key);
        return Reflect.has(target, key);
      },
      ownKeys() {
        notes.set(target, "all");
        return Reflect.ownKeys(target);
      },
    });
    proxies.set(target, proxy);
    return proxy;
  };
  validate(watch(value));
  return unreadIn(value, "", notes);
}

function unreadIn(
  value: object,
  path: string,
  notes: ReadonlyMap<object, ReadonlySet<PropertyKey> | "all">,
): readonly string[] {
  const noted = notes.get(value) ?? new Set();
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    if (noted !== "all" && !noted.has(key)) return [at];
    return typeof inner === "object" && inner !== null ? unreadIn(inner, at, notes) : [];
  });
}
