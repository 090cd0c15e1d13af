import { z } from "zod";
import { type Severity, severities } from "./alert.ts";
import { readsSilence } from "./vocabulary.ts";

/** Subcodes that the engine gives itself. */
export const groupSubcode = "group";
export const blindSubcode = "blind";
export const gatewaySubcode = "gateway";

export const windowFunctions = ["mean", "max", "min", "sum", "count", "range", "rate", "quantile", "previous"] as const;
export type WindowFunction = (typeof windowFunctions)[number];

const text = z.strictObject({ en: z.string().min(1), "zh-CN": z.string().min(1) });
const expression = z.string().min(1);
const word = /^[a-z][a-z0-9_]{0,63}$/;
const name = z.string().regex(word, "must be lower-case words joined by _");
const seconds = z.number().int().min(0).max(31_536_000);
const hold = z
  .union([seconds, z.string()])
  .describe("seconds, or the name of a parameter that ends in _s, so that a site can change it");
const subcode = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be lower-case words joined by -");
const named = z.record(name, expression);
const ruleId = z.string().regex(/^[A-Z][A-Z0-9-]{0,31}$/, "must be capitals and digits, such as R01");
const identifier = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be letters, digits, . _ -");

const input = z.union([
  name,
  z.strictObject({
    name,
    max_age_s: seconds.describe("the last known value stands in for a missing one until it is older than this"),
  }),
]);

export const ruleShape = z
  .strictObject({
    id: ruleId,
    version: z.number().int().min(1).describe("higher than any before it with this id"),
    mode: z
      .enum(["on", "shadow", "off"])
      .default("on")
      .describe("shadow: evaluated and recorded, told to nobody; off: not evaluated until someone switches it on"),
    title: text,
    action: text.describe("what to do"),
    on: z
      .enum(["account", "reading"])
      .describe("account: on every closed minute; reading: on every reading, and on silence"),
    subject: z.enum(["site", "node", "device"]).describe("one alert for each of these"),
    inputs: z.array(input).describe("what is known; <input>_absent and <input>_age_s go with each"),
    needs: z
      .array(name)
      .default([])
      .describe("a rule on values is about devices that report one of these; default: one of its quantities"),
    points: z
      .record(name, z.strictObject({ device: identifier, quantity: name, max_age_s: seconds.min(1) }))
      .default({})
      .describe("measurements by name, for a rule on: reading, subject: site"),
    parameters: z
      .record(name, z.number())
      .default({})
      .describe("numbers that a site file may change, in W, Wh, s, °C, V, A, Hz as their suffix says"),
    windows: z
      .record(
        name,
        z.strictObject({
          of: expression,
          function: z.enum(windowFunctions),
          over_s: seconds.min(1),
          ago_s: seconds.default(0).describe("the window ended this long ago"),
          q: z.number().min(0).max(1).optional().describe("of a quantile"),
          least: z.number().gt(0).max(1).default(0.9).describe("share of the window that must be known"),
        }),
      )
      .default({})
      .describe("values over time; previous is the value over_s ago, rate the change per minute"),
    let: named.default({}).describe("values in order, each may use those before"),
    thresholds: named.default({}).describe("as let, recorded with the alert as what it was held against"),
    levels: z
      .array(
        z.strictObject({
          severity: z.enum(severities),
          subcode,
          trigger: expression,
          hold_on_s: hold,
          clear: z.string("a level needs a clear condition, tighter than its trigger").min(1),
          hold_off_s: hold,
        }),
      )
      .min(1),
    suppress_if: z.array(expression).default([]).describe("while one is true the state is not known"),
    exempt: z.array(expression).default([]).describe("while one is true the rule does not apply"),
    suppressed_by: z
      .array(
        z.strictObject({
          rule: ruleId,
          within: z
            .enum(["site", "subject", "above", "balance"])
            .default("subject")
            .describe("balance: about a node that counts in the site's balance, or one of its meters"),
          subcodes: z.array(z.string()).min(1).optional().describe("only alerts of these subcodes"),
          for_s: seconds.min(1).optional().describe("counted from the start of that alert"),
          after_s: seconds.min(1).optional().describe("and so long after it ended"),
        }),
      )
      .default([])
      .describe("while such an alert is open the state is not known: another alert says what is wrong"),
    raised_by: z
      .array(
        z.strictObject({
          rule: ruleId,
          within: z
            .enum(["site", "subject", "above", "below"])
            .default("subject")
            .describe("below: about the subject or something under it in the tree"),
          subcodes: z.array(z.string()).min(1).optional().describe("only by alerts of these subcodes"),
          own: z.array(subcode).min(1).optional().describe("only alerts of these subcodes of this rule are raised"),
          to: z.enum(severities).describe("at least so severe while both are open; it never falls again"),
        }),
      )
      .default([])
      .describe("an alert of another rule about what this one concerns makes it worse"),
    loss: z
      .union([
        expression,
        z
          .strictObject({
            power: expression.optional(),
            money_per_h: expression.optional().describe("in place of the energy at the site's mean cost"),
            money_once: expression.optional().describe("charged once: the highest that it came to"),
          })
          .refine((loss) => Object.keys(loss).length > 0, "must say power, money_per_h or money_once"),
      ])
      .optional()
      .describe(
        "what is lost while an alert is active: a power, for its energy, money and carbon. A rule on: reading may also read the account of the minute; its own inputs and all windows are as they were when the alert became active",
      ),
    every_s: seconds.min(1).optional().describe("judged at most once in this time; windows still see every value"),
    where: expression
      .optional()
      .describe(
        "which devices a rule on their values is about, by its parameters and what the site model says of them; of the others it remembers nothing",
      ),
    look_after_s: z.array(expression).default([]),
    group: z
      .strictObject({
        over: z.number().gt(0).lt(1),
        under: z.number().gt(0).lt(1),
        at_least: z.number().int().min(2),
        title: text,
        gateway: text.optional().describe("one alert for each gateway of the site model too, with this title"),
      })
      .optional(),
    blind: z
      .strictObject({
        inputs: z.array(z.string()).min(1),
        severity: z.enum(severities),
        hold_on_s: seconds,
        hold_off_s: seconds,
        title: text,
      })
      .optional(),
  })
  .superRefine((rule, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    const inputs = rule.inputs.map((one) => (typeof one === "string" ? one : one.name));
    const isOnValues = rule.on === "reading" && !(rule.subject === "device" && readsSilence(inputs));
    if (rule.inputs.length + Object.keys(rule.points).length === 0) fault(["inputs"], "a rule reads something");
    if (rule.on === "account" && rule.subject === "device")
      fault(["subject"], "must be site or node for a rule on: account");
    if (Object.keys(rule.points).length > 0 && (rule.on !== "reading" || rule.subject !== "site"))
      fault(["points"], "only a rule on: reading, subject: site names points");
    if (rule.where !== undefined && !(isOnValues && rule.subject === "device"))
      fault(["where"], "only a rule on the values of devices chooses among them");
    if (rule.group !== undefined && (rule.on === "account" || isOnValues))
      fault(["group"], "only a rule on silence has devices to group");
    if (rule.group !== undefined && rule.group.under >= rule.group.over)
      fault(["group", "under"], "must be below over: a group needs hysteresis too");
    if (inputs.includes("age_s") && rule.look_after_s.length === 0)
      fault(["inputs"], "a rule that reads age_s needs look_after_s, or silence is never looked at");
    if (rule.look_after_s.length > 0 && (rule.on === "account" || isOnValues))
      fault(["look_after_s"], "only a rule that reads age_s looks at silence");
    if (!isOnValues && rule.on === "reading" && (Object.keys(rule.windows).length > 0 || rule.every_s !== undefined))
      fault(["windows"], "a rule on silence has neither windows nor every_s");
    for (const [key, { function: how, q }] of Object.entries(rule.windows)) {
      if ((how === "quantile") !== (q !== undefined))
        fault(["windows", key], how === "quantile" ? "a quantile needs q" : "only a quantile has q");
    }
    rule.needs.forEach((one, index) => {
      if (!inputs.includes(one)) fault(["needs", index], `must be one of the rule's inputs, got "${one}"`);
    });
    rule.blind?.inputs.forEach((one, index) => {
      if (!inputs.includes(one)) fault(["blind", "inputs", index], `must be one of the rule's inputs, got "${one}"`);
    });
    rule.raised_by.forEach(({ own = [] }, index) => {
      const known = [...new Set(rule.levels.map((level) => level.subcode))];
      own.forEach((one, at) => {
        if (!known.includes(one))
          fault(
            ["raised_by", index, "own", at],
            `must be one of the rule's subcodes ${known.join(", ")}, got "${one}"`,
          );
      });
    });
    rule.levels.forEach((level, index) => {
      if ([groupSubcode, blindSubcode, gatewaySubcode].includes(level.subcode))
        fault(["levels", index, "subcode"], `"${level.subcode}" is a subcode of the engine's own`);
      for (const key of ["hold_on_s", "hold_off_s"] as const) {
        const value = level[key];
        if (typeof value === "string" && (!value.endsWith("_s") || !Object.hasOwn(rule.parameters, value)))
          fault(["levels", index, key], `must be seconds or a parameter that ends in _s, got "${value}"`);
      }
      const plain = bare(level.trigger);
      if (bare(level.clear) === plain || bare(level.clear) === `!(${plain})`)
        fault(["levels", index, "clear"], "must be strictly tighter than the trigger: hysteresis is mandatory");
      const before = rule.levels.slice(0, index).findLast((other) => other.subcode === level.subcode);
      if (before !== undefined && rank(before.severity) >= rank(level.severity)) {
        fault(
          ["levels", index, "severity"],
          `must be worse than ${before.severity}, the level before it in "${level.subcode}"`,
        );
      }
    });
  });

export type Shaped = z.infer<typeof ruleShape>;

const rank = (severity: Severity): number => severities.indexOf(severity);
const bare = (expression: string): string => expression.replaceAll(/\s+/g, "");

/** For editors: what a rule file may say. */
export const ruleJsonSchema = (): string =>
  `${JSON.stringify({ title: "Wattlas rule", ...z.toJSONSchema(ruleShape, { io: "input" }) }, null, 2)}\n`;
