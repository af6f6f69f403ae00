import process from "node:process";
import { playSchedule } from "./shop_schedule.ts";
import { shopPlan } from "./shop_services.ts";
const plan = shopPlan(1);
const [seeds, from, calm, story, orders = 20] = Deno.args.map(Number);
await new Promise<void>((resolve) =>
  setTimeout(() => {
    const t = performance.now();
    const c0 = process.cpuUsage();
    let n = 0;
    const tot: Record<string, number> = {};
    let bad = 0, virt = 0;
    let conf = 0, rej = 0;
    for (let seed = from!; seed < from! + seeds!; seed++) {
      const r = playSchedule({
        seed,
        orders,
        plan,
        partitions: 1,
        ...(calm ? { calm: true } : {}),
        ...(story ? { tell: (l) => console.log(l.atMs.toFixed(2), l.who, l.what) } : {}),
      });
      n += r.eventCount;
      virt += r.virtualMs;
      conf += r.outcomes.confirmed;
      rej += Object.values(r.outcomes.rejected).reduce((a, b) => a + b, 0);
      for (const [k, v] of Object.entries(r.faults)) tot[k] = (tot[k] ?? 0) + v;
      if (r.violations.length) {
        bad++;
        console.log(seed, r.violations.slice(0, 3));
      }
      if (seeds! <= 5) console.log(r.seed, r.traceHash, r.eventCount, r.virtualMs, r.outcomes);
    }
    const ms = performance.now() - t;
    const c = process.cpuUsage(c0);
    console.log({
      cpuPer: (c.user + c.system) / 1000 / seeds!,
      ms,
      per: ms / seeds!,
      events: n / seeds!,
      virt: virt / seeds!,
      conf,
      rej,
      bad,
    }, tot);
    resolve();
  }, 0)
);
