import fc from "fast-check";
import { expect, test } from "vitest";
import { type Alert, type Severity, severities } from "./alert.ts";
import { acknowledged } from "./command.ts";
import { type Life, type LifePlan, live, newLife, type Sighting } from "./life.ts";

const plan: LifePlan = {
  identity: {
    rule: "R99",
    ruleVersion: 1,
    site: "hall",
    subject: "hall",
    subcode: "test",
    title: { en: "Test", "zh-CN": "测试" },
    action: { en: "Nothing", "zh-CN": "无" },
  },
  levels: [
    { severity: "WARNING", holdOnMs: 20, holdOffMs: 20 },
    { severity: "MAJOR", holdOnMs: 20, holdOffMs: 20 },
  ],
};
const hash = (text: string) => text;

// One letter a sample, 10 ms apart: w warning, m major, c clear, - between trigger and clear, ? unknown, x exempt,
// g absorbed by a group, A acknowledged by a person.
const levelsOf: Record<string, Sighting["levels"]> = {
  w: [
    { trigger: true, clear: false },
    { trigger: false, clear: false },
  ],
  m: [
    { trigger: true, clear: false },
    { trigger: true, clear: false },
  ],
  c: [
    { trigger: false, clear: true },
    { trigger: false, clear: true },
  ],
  "-": [
    { trigger: false, clear: false },
    { trigger: false, clear: false },
  ],
  "?": [
    { trigger: null, clear: null },
    { trigger: null, clear: null },
  ],
};
const standings: Record<string, Sighting["standing"]> = { x: "exempt", g: "absorbed" };

const run = (letters: string, gapMs: number | null = null) => {
  let life: Life = newLife(plan);
  const changes: Alert[] = [];
  const states: string[] = [];
  for (const [index, letter] of [...letters].entries()) {
    const now = 1000 + index * 10;
    if (letter === "A") {
      if (life.alert !== null) {
        const alert = acknowledged(life.alert, "li", "seen", { wall: now, site: now });
        changes.push(alert);
        life = { ...life, alert: alert.state === "CLOSED" ? null : alert };
      }
    } else if (letter !== " ") {
      const levels = levelsOf[letter] ?? [];
      const standing = standings[letter] ?? "judged";
      const step = live(
        plan,
        life,
        { now, from: now, gapMs, wall: now, standing, levels, inputs: {}, thresholds: {} },
        hash,
      );
      life = step.life;
      if (step.changed !== null) changes.push(step.changed);
    }
    states.push(life.alert === null ? "OK" : life.alert.state);
  }
  return { states, changes, life, last: changes.at(-1) };
};
const states = (letters: string) => run(letters).states.join(" ");

test("a true trigger is pending until its hold is over, then active", () =>
  expect(states("www")).toBe("PENDING PENDING ACTIVE"));
test("a pending alert whose trigger goes false was nothing", () => expect(states("ww-")).toBe("PENDING PENDING OK"));
test("a pending alert that never became active closes without an active time", () =>
  expect(run("w-").last).toMatchObject({
    state: "CLOSED",
    active: null,
    returned: null,
    closed: 1010,
    occurrences: 0,
  }));
test("an interrupted hold begins again", () => expect(states("ww-ww")).toBe("PENDING PENDING OK PENDING PENDING"));
test("one unknown sample does not break a hold", () => expect(states("w?w")).toBe("PENDING PENDING ACTIVE"));
test("two unknown samples break it", () => expect(states("w??w")).toBe("PENDING PENDING OK PENDING"));
test("an exempt subject has no pending alert", () => expect(states("wx")).toBe("PENDING OK"));
test("a pending alert is absorbed by the group's", () => expect(states("wg")).toBe("PENDING OK"));
test("an unknown sample alone is no alert", () => expect(states("???")).toBe("OK OK OK"));

test("a clear condition clears after its hold, and waits for a person", () =>
  expect(states("wwwccc")).toBe("PENDING PENDING ACTIVE CLEARING CLEARING RETURNED"));
test("between trigger and clear an alert stays active", () =>
  expect(states("www---")).toBe("PENDING PENDING ACTIVE ACTIVE ACTIVE ACTIVE"));
test("clearing that stops short is active again", () =>
  expect(states("wwwcc-ccc")).toBe("PENDING PENDING ACTIVE CLEARING CLEARING ACTIVE CLEARING CLEARING RETURNED"));
test("clearing that triggers again is active again", () =>
  expect(states("wwwcw")).toBe("PENDING PENDING ACTIVE CLEARING ACTIVE"));
test("a missing input makes an active alert unknown and never clears it", () =>
  expect(states("www????")).toBe("PENDING PENDING ACTIVE UNKNOWN UNKNOWN UNKNOWN UNKNOWN"));
test("an unknown sample restarts the hold of clearing", () =>
  expect(states("wwwcc?ccc")).toBe("PENDING PENDING ACTIVE CLEARING CLEARING UNKNOWN CLEARING CLEARING RETURNED"));
test("unknown becomes active when the trigger is seen again", () =>
  expect(states("www?w")).toBe("PENDING PENDING ACTIVE UNKNOWN ACTIVE"));
test("unknown becomes active between trigger and clear", () =>
  expect(states("www?-")).toBe("PENDING PENDING ACTIVE UNKNOWN ACTIVE"));
test("an exempt subject's alert returns to normal", () =>
  expect(states("wwwx")).toBe("PENDING PENDING ACTIVE RETURNED"));
test("an absorbed alert closes, the group's stands for it", () =>
  expect(states("wwwg")).toBe("PENDING PENDING ACTIVE OK"));
test("a clearing alert can be absorbed, exempt or unknown too", () => {
  expect(states("wwwcg")).toBe("PENDING PENDING ACTIVE CLEARING OK");
  expect(states("wwwcx")).toBe("PENDING PENDING ACTIVE CLEARING RETURNED");
});

test("an alert acknowledged while active closes when it has cleared", () =>
  expect(states("wwwAccc")).toBe("PENDING PENDING ACTIVE ACTIVE CLEARING CLEARING OK"));
test("an alert that closes by itself says when it returned", () =>
  expect(run("wwwAccc").last).toMatchObject({ state: "CLOSED", returned: 1060, closed: 1060 }));
test("a returned alert closes when it is acknowledged", () => expect(states("wwwcccA")).toMatch(/RETURNED OK$/));
test("a returned alert stays, whatever is seen", () => expect(states("wwwccc-?xg")).toMatch(/(RETURNED ?){5}$/));
test("a returned alert that comes back for its hold is the same alert, active again", () => {
  const { states, last, changes } = run("wwwcccwww");
  expect(states.slice(-4)).toEqual(["RETURNED", "RETURNED", "RETURNED", "ACTIVE"]);
  expect(last).toMatchObject({ id: changes[0]?.id, occurrences: 2, returned: null });
});
test("severity rises while active", () => {
  expect(run("wwwmmm").last).toMatchObject({ state: "ACTIVE", severity: "MAJOR" });
});
test("severity does not fall before the alert is over", () => {
  expect(run("wwmmmwwwccc").last).toMatchObject({ state: "RETURNED", severity: "MAJOR" });
});
test("a rise takes an acknowledgement back, it was for something smaller", () => {
  expect(run("wwwAmmm").last).toMatchObject({ severity: "MAJOR", acknowledged: null });
});
test("a rise brings a clearing alert back to active", () => {
  expect(run("wwwmmcmmm").states.at(-1)).toBe("ACTIVE");
});
test("windows that were never seen break a hold", () => {
  const seen = (now: number): Sighting => ({
    now,
    from: now - 10,
    gapMs: 10,
    wall: now,
    standing: "judged",
    levels: levelsOf.w ?? [],
    inputs: {},
    thresholds: {},
  });
  const first = live(plan, newLife(plan), seen(1000), hash);
  const near = live(plan, first.life, seen(1020), hash);
  const far = live(plan, first.life, seen(1021), hash);
  expect(near.changed?.state).toBe("ACTIVE");
  expect(far.changed).toBe(null);
  expect(far.life.levels[0]?.since).toBe(1011);
});
test("an id is the hash of rule, subject, subcode and start", () => {
  expect(run("w").last?.id).toBe('["R99","hall","hall","test",1000]');
});
test("an earlier sighting changes nothing", () => {
  const { life } = run("www");
  const late = { now: 1000, from: 1000, gapMs: null, wall: 1, standing: "judged", inputs: {}, thresholds: {} } as const;
  expect(live(plan, life, { ...late, levels: levelsOf.c ?? [] }, hash)).toEqual({ life, changed: null });
});

const letters = fc.string({ unit: fc.constantFrom(..."wwwmmmcccc--??xgA"), maxLength: 60 });
const follows: Record<string, readonly string[]> = {
  PENDING: ["ACTIVE", "CLOSED"],
  ACTIVE: ["ACTIVE", "CLEARING", "UNKNOWN", "RETURNED", "CLOSED"],
  CLEARING: ["ACTIVE", "CLEARING", "UNKNOWN", "RETURNED", "CLOSED"],
  UNKNOWN: ["ACTIVE", "CLEARING", "UNKNOWN", "RETURNED", "CLOSED"],
  RETURNED: ["ACTIVE", "CLOSED"],
  CLOSED: [],
};
// A person cannot acknowledge what is pending or acknowledged: the desk refuses it.
const allowed = (text: string) => {
  let kept = "";
  for (const letter of text) {
    const alert = run(kept).life.alert;
    if (letter !== "A" || (alert !== null && alert.state !== "PENDING" && alert.acknowledged === null)) kept += letter;
  }
  return kept;
};

test("every alert goes only ways that the picture shows", () =>
  fc.assert(
    fc.property(letters, (text) => {
      const latest = new Map<string, Alert>();
      for (const alert of run(allowed(text)).changes) {
        const before = latest.get(alert.id);
        expect(before === undefined ? ["PENDING", "ACTIVE"] : follows[before.state]).toContain(alert.state);
        latest.set(alert.id, alert);
      }
    }),
    { numRuns: 300 },
  ));
test("time never runs backwards, and start, active, returned and closed keep their order", () =>
  fc.assert(
    fc.property(letters, (text) => {
      let at = 0;
      for (const alert of run(allowed(text)).changes) {
        expect(alert.changed.site).toBeGreaterThanOrEqual(at);
        at = alert.changed.site;
        const order = [alert.start, alert.active, alert.returned, alert.closed].filter((time) => time !== null);
        expect(order).toEqual([...order].sort((left, right) => left - right));
      }
    }),
    { numRuns: 300 },
  ));
test("severity never falls while an active alert is open, and at most one is open", () =>
  fc.assert(
    fc.property(letters, (text) => {
      const rank = (severity: Severity) => severities.indexOf(severity);
      let open: Alert | null = null;
      for (const alert of run(allowed(text)).changes) {
        if (open !== null) expect(alert.id).toBe(open.id);
        if (open !== null && open.state !== "PENDING") {
          expect(rank(alert.severity)).toBeGreaterThanOrEqual(rank(open.severity));
        }
        open = alert.state === "CLOSED" ? null : alert;
      }
    }),
    { numRuns: 300 },
  ));
test("unknown samples alone never end an alert that was active", () =>
  fc.assert(
    fc.property(letters, fc.integer({ min: 1, max: 30 }), (text, count) => {
      const before = run(allowed(text)).life.alert;
      fc.pre(before !== null && before.state !== "PENDING");
      const after = run(`${allowed(text)}${"?".repeat(count)}`).life.alert;
      expect(after?.id).toBe(before?.id);
    }),
    { numRuns: 300 },
  ));
test("a replay gives the same alerts, byte for byte", () =>
  fc.assert(
    fc.property(letters, (text) => {
      expect(JSON.stringify(run(allowed(text)).changes)).toBe(JSON.stringify(run(allowed(text)).changes));
    }),
  ));

test("another alert makes it worse while its condition is there or not known, and never better again", () => {
  const raise = { rule: "R25", alert: "other", to: "CRITICAL" } as const;
  const see = (life: Life, letter: string, now: number, by: Sighting["raise"] = null) =>
    live(
      plan,
      life,
      {
        ...{ now, from: now, gapMs: null, wall: now, standing: "judged", inputs: {}, thresholds: {} },
        levels: levelsOf[letter] ?? [],
        raise: by,
      },
      hash,
    );
  const pending = see(newLife(plan), "w", 1000, raise);
  expect(pending.changed).toMatchObject({ state: "PENDING", severity: "WARNING" });
  const active = see(see(pending.life, "w", 1010).life, "w", 1020);
  expect(active.changed).toMatchObject({ state: "ACTIVE", severity: "WARNING" });
  const seen = {
    ...active.life,
    alert: active.changed && acknowledged(active.changed, "li", "", { wall: 1, site: 1 }),
  };
  const worse = see(seen, "?", 1030, raise);
  expect(worse.changed).toMatchObject({
    ...{ state: "UNKNOWN", severity: "CRITICAL", acknowledged: null },
    raised: { rule: "R25", alert: "other", from: "WARNING" },
  });
  expect(see(worse.life, "?", 1040, raise).changed).toBe(null);
  const after = see(worse.life, "w", 1040);
  expect(after.changed).toMatchObject({ state: "ACTIVE", severity: "CRITICAL" });
  const clearing = see(see(active.life, "c", 1030).life, "c", 1040, raise);
  expect(clearing.changed).toBe(null);
});
