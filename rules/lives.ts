import type { Alert } from "./alert.ts";
import { isIdle, type Life, type LifePlan, live, newLife, type Sighting } from "./life.ts";

export type LifeKey = readonly [rule: string, subject: string, subcode: string];
export interface SavedLife {
  readonly key: LifeKey;
  readonly life: Life;
}

/** The lives of one site that are not simply OK. */
export interface Lives {
  get(key: LifeKey): Life | null;
  /** Whether anything of the rule is not simply OK about the subject. */
  has(rule: string, subject: string): boolean;
  /** The subjects of a rule about which anything is not simply OK. */
  subjectsOf(rule: string): Iterable<string>;
  ofRules(rules: readonly string[]): readonly SavedLife[];
  move(plan: LifePlan, sighting: Sighting): readonly Alert[];
  /** Ends the alerts of keys that are not kept; one whose rule is now told differently closes. */
  retire(keep: (key: LifeKey) => boolean, isShadow: (rule: string) => boolean, wall: number): readonly Alert[];
  amend(id: string, change: (alert: Alert, at: number) => Alert): Alert | null;
  open(): readonly Alert[];
  save(): readonly SavedLife[];
}

export const createLives = (hash: (text: string) => string, saved: readonly SavedLife[]): Lives => {
  const nameOf = ([rule, subject, subcode]: LifeKey): string => `${rule}/${subject}/${subcode}`;
  const lives = new Map<string, SavedLife>(saved.map((held) => [nameOf(held.key), held]));
  const counts = new Map<string, Map<string, number>>();
  const count = ([rule, subject]: LifeKey, by: 1 | -1): void => {
    const mine = counts.get(rule) ?? new Map<string, number>();
    counts.set(rule, mine);
    const after = (mine.get(subject) ?? 0) + by;
    if (after === 0) mine.delete(subject);
    else mine.set(subject, after);
  };
  for (const { key } of saved) count(key, 1);
  const put = (key: LifeKey, life: Life): void => {
    const name = nameOf(key);
    const isHeld = lives.has(name);
    if (!isIdle(life)) {
      if (!isHeld) count(key, 1);
      lives.set(name, { key, life });
    } else if (isHeld) {
      lives.delete(name);
      count(key, -1);
    }
  };
  return {
    get: (key) => lives.get(nameOf(key))?.life ?? null,
    has: (rule, subject) => counts.get(rule)?.has(subject) ?? false,
    subjectsOf: (rule) => counts.get(rule)?.keys() ?? [],
    ofRules: (rules) => [...lives.values()].filter(({ key: [rule] }) => rules.includes(rule)),
    move(plan, sighting) {
      const { rule, subject, subcode } = plan.identity;
      const key: LifeKey = [rule, subject, subcode];
      const { life, changed } = live(plan, lives.get(nameOf(key))?.life ?? newLife(plan), sighting, hash);
      put(key, life);
      return changed === null ? [] : [changed];
    },
    retire(keep, isShadow, wall) {
      const changed: Alert[] = [];
      for (const { key, life } of [...lives.values()]) {
        const { alert } = life;
        const isRetold = alert !== null && keep(key) && (alert.shadow === true) !== isShadow(key[0]);
        if ((keep(key) && !isRetold) || (alert?.state === "RETURNED" && !isRetold)) continue;
        const now = life.at ?? 0;
        const state =
          isRetold ||
          alert === null ||
          alert.state === "PENDING" ||
          alert.acknowledged !== null ||
          alert.shadow === true
            ? "CLOSED"
            : "RETURNED";
        const ended =
          alert === null
            ? null
            : ({
                ...alert,
                state,
                returned: alert.active === null ? null : now,
                closed: state === "CLOSED" ? now : null,
                changed: { wall, site: now },
              } as const);
        if (ended !== null) changed.push(ended);
        put(key, { at: life.at, levels: [], alert: ended?.state === "CLOSED" ? null : ended });
      }
      return changed;
    },
    amend(id, change) {
      for (const { key, life } of lives.values()) {
        if (life.alert?.id !== id) continue;
        const alert = change(life.alert, life.at ?? 0);
        put(key, { ...life, alert: alert.state === "CLOSED" ? null : alert });
        return alert;
      }
      return null;
    },
    open: () => [...lives.values()].flatMap(({ life }) => (life.alert === null ? [] : [life.alert])),
    save: () => [...lives.values()],
  };
};
