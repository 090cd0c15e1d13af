import { expect, test } from "vitest";
import { parseNotifyPlan } from "./plan.ts";

const good = `
language: zh-CN
public_url: https://wattlas.example.org
channels:
  - { name: hook, kind: webhook, url: "https://example.org/hook", secret: s }
  - { name: mail, kind: email, host: smtp.example.org, from: w@example.org, to: [ops@example.org], language: en }
  - { name: siren, kind: mqtt, topic: plant/siren, payload: state }
  - { name: robot, kind: dingtalk, url: "https://example.org/robot", secret: s }
people:
  - { name: Li Wei, channels: [robot, mail] }
rosters:
  - name: duty
    time_zone: Asia/Shanghai
    shifts:
      - { person: Li Wei, days: [mon, tue], from: "08:00", to: "20:00" }
routes:
  - name: urgent
    match: { severity: [MAJOR, CRITICAL] }
    repeat_s: 1800
    tiers:
      - { to: ["roster:duty", siren] }
      - { after_s: 900, to: ["person:Li Wei", hook] }
maintenance:
  - { name: genset test, match: { rule: [R25] }, cron: "0 9 1 * *", time_zone: Asia/Shanghai, minutes: 120 }
all_is_well: { cron: "0 8 * * *", time_zone: Asia/Shanghai, to: [mail] }
heartbeat: { url: "https://example.org/beat" }
`;

const faults = (from: string, to: string): string => {
  const result = parseNotifyPlan(good.replace(from, to), "notify.yaml");
  return result.ok ? "" : result.faults.map(({ line, column, message }) => `${line}:${column} ${message}`).join("\n");
};

test("a whole file is taken, with what it leaves out filled in", () => {
  const result = parseNotifyPlan(good, "notify.yaml");
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  expect(result.plan.routes[0]).toMatchObject({ group_wait_s: 10, returned: "tell", repeat_s: 1800 });
  expect(result.plan.channels[1]).toMatchObject({ port: 587, security: "starttls" });
});

test("every fault says its place and what was expected", () => {
  expect(faults("to: [mail] }", "to: [male] }")).toBe('25:66 all_is_well.to.0: there is no channel "male"');
  expect(faults("roster:duty", "roster:dut")).toContain('there is no roster "dut"');
  expect(faults("person:Li Wei", "team:Li Wei")).toContain("neither a channel nor person:… nor roster:…");
  expect(faults("0 8 * * *", "0 25 * * *")).toContain("must be a cron expression of five fields");
  expect(faults("Asia/Shanghai, minutes", "Asia/Shanghia, minutes")).toContain("must be a time zone");
  expect(faults("after_s: 900", "after_s: 0")).toContain("must be more than 0, the tier before it");
  expect(faults("plant/siren", "dc/hall/alert/x")).toContain("is a topic of Wattlas's own");
  expect(faults("match: { rule: [R25] }", "match: {}")).toContain("an empty match would mute them all");
  expect(faults("repeat_s: 1800", "repeat: 1800")).toContain('unknown key "repeat"');
  expect(faults("name: robot", "name: mail")).toContain('"mail" is there twice');
});

test("all faults of a file come at once", () => {
  const result = parseNotifyPlan(
    good.replace("[mon, tue]", "[monday]").replace("severity: [MAJOR", "severity: [MAYOR"),
    "n",
  );
  expect(result.ok ? 0 : result.faults.length).toBe(2);
});
