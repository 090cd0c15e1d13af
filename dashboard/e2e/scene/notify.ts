import type { ChannelWire, DeliveryWire, ScheduleWire, SilenceWire } from "../../server/wire.ts";
import { place } from "./place.ts";

const minute = 60_000;
const hour = 60 * minute;

export const silencesAt = (ts: number): SilenceWire[] => [
  {
    id: "s-1",
    match: { site: [place.id], rule: ["R04"], subject: ["rack-10*"] },
    reason: "Gateway firmware, change 4711",
    by: "Li Wei",
    from: ts - 3 * hour,
    until: ts + 9 * minute,
    ended: null,
    warned: true,
    state: "active",
    matching: 1,
  },
  {
    id: "s-2",
    match: { severity: ["WARNING", "INFO"] },
    reason: "夜间演练，不打扰值班",
    by: "王敏",
    from: ts + 5 * hour,
    until: ts + 9 * hour,
    ended: null,
    warned: false,
    state: "waiting",
    matching: 2,
  },
  {
    id: "s-3",
    match: { rule: ["R16"] },
    reason: "Utility announced",
    by: "Chen Jie",
    from: ts - 30 * hour,
    until: ts - 20 * hour,
    ended: { by: "Chen Jie", at: ts - 26 * hour },
    warned: false,
    state: "over",
    matching: 0,
  },
];

export const channelsAt = (ts: number): ChannelWire[] => [
  { name: "ops-chat", kind: "mattermost", waiting: 0, last: { state: "sent", at: ts - 11 * minute, said: "200" } },
  {
    name: "chief-sms",
    kind: "sms",
    waiting: 2,
    last: { state: "failed", at: ts - 26 * minute, said: "connect ECONNREFUSED 10.4.0.9:8443 after 8 attempts" },
  },
  { name: "hall-siren", kind: "mqtt", waiting: 0, last: null },
];

export const deliveriesAt = (ts: number): DeliveryWire[] => {
  const one = (part: Partial<DeliveryWire> & Pick<DeliveryWire, "key" | "title">): DeliveryWire => ({
    channel: "ops-chat",
    route: "everything",
    state: "sent",
    attempts: 1,
    nextAt: ts,
    said: "200",
    occasion: "raised",
    text: `${part.title}\njinan-1 · grid`,
    alerts: ["a-r16"],
    at: ts - 4 * minute,
    ...part,
  });
  return [
    one({ key: "k-1", title: "MAJOR Contract demand will be exceeded" }),
    one({
      key: "k-2",
      title: "WARNING Readings are stale",
      channel: "chief-sms",
      state: "queued",
      attempts: 3,
      said: "connect ECONNREFUSED 10.4.0.9:8443",
      occasion: "escalated",
      alerts: ["a-r04"],
      at: ts - 9 * minute,
    }),
    one({
      key: "k-3",
      title: "WARNING The power balance does not close",
      state: "failed",
      channel: "chief-sms",
      attempts: 8,
      said: "connect ECONNREFUSED 10.4.0.9:8443 after 8 attempts",
      alerts: ["a-r01"],
      at: ts - 26 * minute,
    }),
    one({ key: "k-4", title: "读数过期", state: "muted", attempts: 0, said: "silence s-1", at: ts - 40 * minute }),
    one({ key: "k-5", title: "Daily report", occasion: "report", route: null, alerts: [], at: ts - 5 * hour }),
  ];
};

export const scheduleAt = (ts: number): ScheduleWire => ({
  jobs: [
    { name: "report daily", last: ts - 5 * hour, next: ts + 19 * hour },
    { name: "all is well", last: null, next: ts + 3 * hour },
  ],
  heartbeat: { last: ts - 20_000, failed: "" },
  maintenance: ["genset test"],
  windows: [
    {
      name: "genset test",
      match: { rule: ["R25", "R36"], site: [place.id] },
      cron: "0 9 * * 1",
      timeZone: place.timeZone,
      minutes: 90,
      openUntil: ts + 31 * minute,
      next: ts + 167 * hour,
    },
    {
      name: "night cleaning",
      match: { subject: ["lights"] },
      cron: "30 22 * * *",
      timeZone: place.timeZone,
      minutes: 45,
      openUntil: null,
      next: ts + 8 * hour,
    },
  ],
});
