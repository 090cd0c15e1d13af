import type { SiteModel } from "#energy";
import { type Ledger, type Page, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import type { RulesCode } from "../codes.ts";
import { type Refusal, refuse } from "../command.ts";
import type { RulesSettings } from "../config.ts";
import { formatHead, type Head } from "../evidence/chain.ts";
import { alertHash } from "../hash.ts";
import { createQueue } from "../queue.ts";
import type { Rules, RulesDeps, RulesMessage, Timers } from "../rules.ts";
import { type Job, openSchedule, type Turn } from "../schedule.ts";
import { realTimers } from "../timers.ts";
import { createReach } from "./address.ts";
import { type Delivery, deliveryKind, readDelivery } from "./delivery.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { loadNotifyPlan } from "./load.ts";
import { createMaintenance, type MaintenanceView } from "./maintenance.ts";
import { openNotifier } from "./notifier.ts";
import { openChannel } from "./open-channel.ts";
import type { NotifyPlan } from "./plan.ts";
import { reportOf } from "./report.ts";
import { createSender } from "./sender.ts";
import { openSilences, type Silences } from "./silences.ts";
import { type Language, testText, titleOf, wellText } from "./texts.ts";

export interface NotifyDeps {
  readonly ledger: Ledger;
  readonly sites: readonly Pick<SiteModel, "id" | "timeZone">[];
  readonly rules: Pick<Rules, "open" | "isCurrent" | "list">;
  readonly publish: (message: RulesMessage) => void;
  /** Wall clock, UTC milliseconds. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly timers?: Timers;
  /** Where the evidence stands: reports carry it out of the house. */
  readonly head?: () => Head;
  /** Further work by the calendar. */
  readonly jobs?: readonly Job[];
  readonly onError: RulesDeps["onError"];
}

/** One way to tell someone, for screens: no address, no secret. */
export interface ChannelView {
  readonly name: string;
  readonly kind: string;
  readonly waiting: number;
  readonly last: { readonly state: Delivery["state"]; readonly at: number; readonly said: string } | null;
}

export interface DeliveryQuery {
  readonly state?: Delivery["state"];
  readonly channel?: string;
  readonly alert?: string;
  readonly from?: number;
  readonly to?: number;
  readonly limit: number;
  readonly cursor?: string;
}

/** The running telling: who is told of which alert by which way, and when not. */
export interface Notify extends AsyncDisposable {
  readonly silences: Silences;
  channels(): Promise<readonly ChannelView[]>;
  /** Says a test to a channel now; resolves when it was tried. */
  test(channel: string): Promise<{ readonly ok: true; readonly delivery: Delivery } | Refusal>;
  /** What was told, newest first, keyset-paged. */
  deliveries(query: DeliveryQuery): Promise<Page<Delivery>>;
  /** Calendar work and the dead man's switch. */
  schedule(): {
    readonly jobs: readonly { readonly name: string; readonly last: number | null; readonly next: number | null }[];
    readonly heartbeat: { readonly last: number | null; readonly failed: string } | null;
    readonly maintenance: readonly string[];
    readonly windows: readonly MaintenanceView[];
  };
  /** Resolves when everything committed before the call was told, or tried. */
  settled(): Promise<void>;
}

const scanRows = 500;
const tickMs = 1000;

/**
 * Starts to tell as the notification file says; without one there are silences, and nobody to tell. Throws when the
 * file is faulty (`loadNotifyPlan` reports every fault) or the ledger cannot be read.
 */
export const startNotify = async (settings: RulesSettings, deps: NotifyDeps): Promise<Notify> => {
  const { ledger, sites, rules, now = Date.now, random = Math.random, timers = realTimers, jobs: more = [] } = deps;
  const fail = (error: unknown, code: RulesCode): void => deps.onError(error, { stage: "rules", code });
  const hash = alertHash;
  const loaded = await loadNotifyPlan(settings.RULES_NOTIFY_FILE);
  if (!loaded.ok) {
    const lines = loaded.faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
    throw new Error(`faulty notification file\n${lines.join("\n")}`);
  }
  const { plan } = loaded;
  const empty: NotifyPlan = {
    language: "en",
    channels: [],
    people: [],
    rosters: [],
    routes: [],
    maintenance: [],
    reports: [],
  };
  const order = plan ?? empty;
  const reach = createReach(settings.RULES_NOTIFY_NETWORKS ?? []);
  const channels = new Map(
    await Promise.all(
      order.channels.map(
        async (one) => [one.name, await openChannel(one, { reach, publish: deps.publish, now })] as const,
      ),
    ),
  );
  const zones = new Map(sites.map((site) => [site.id, site.timeZone]));
  let open = (): readonly Alert[] => [];
  const silences = await openSilences({ ledger, open: () => open(), hash, now });
  const maintenance = createMaintenance(order.maintenance);
  const sender = createSender({ ledger, channels, now, random, fail });
  const zoneOf = (site: string): string => zones.get(site) ?? "UTC";
  const notifier = await openNotifier(
    { plan: order, ledger, silences, maintenance, sender, hash, now, zoneOf, fail },
    await rules.open(),
  );
  open = notifier.open;
  const { isCurrent } = rules;
  const well = order.all_is_well;
  const jobs: Job[] = [
    ...more,
    ...(well === undefined
      ? []
      : [
          {
            name: "all is well",
            cron: well.cron,
            timeZone: well.time_zone,
            run: async ({ due }: Turn) => {
              // Silence is the alarm: what is not well must not say so.
              if (!isCurrent()) throw new Error("the rules are behind: nobody is told that all is well");
              const words = (language: Language) => ({
                title: titleOf("well", [], language),
                text: wellText(open().length, sites.length, language),
              });
              await notifier.tell({ occasion: "well", targets: well.to, words, once: `well/${due}` });
            },
          },
        ]),
    ...order.reports.map((report) => ({
      name: `report ${report.name}`,
      cron: report.cron,
      timeZone: report.time_zone,
      run: async (turn: Turn) => {
        const { due } = turn;
        const head = deps.head === undefined ? null : formatHead(deps.head());
        const written = await reportOf(rules, report, turn, head);
        const words = (language: Language) => written[language];
        await notifier.tell({ occasion: "report", targets: report.to, words, once: `report/${report.name}/${due}` });
      },
    })),
  ];
  const schedule = await openSchedule(jobs, { ledger, now, fail: (error) => fail(error, "RULES_SCHEDULE_FAILED") });
  const heartbeat =
    order.heartbeat === undefined
      ? null
      : createHeartbeat({
          url: order.heartbeat.url,
          everyMs: order.heartbeat.every_s * 1000,
          reach,
          now,
          isCurrent,
        });

  const deliveries = async (query: DeliveryQuery): Promise<Page<Delivery>> => {
    const items: Delivery[] = [];
    let cursor = query.cursor;
    for (;;) {
      const ask = (limit: number) =>
        ledger.list({
          kind: deliveryKind,
          order: "newest-first",
          limit,
          ...(query.from === undefined ? {} : { from: timestamp(query.from) }),
          ...(query.to === undefined ? {} : { to: timestamp(query.to) }),
          ...(cursor === undefined ? {} : { cursor }),
        });
      const page = await ask(scanRows);
      for (const [index, row] of page.items.entries()) {
        const delivery = readDelivery(row);
        if (query.state !== undefined && delivery.state !== query.state) continue;
        if (query.channel !== undefined && delivery.channel !== query.channel) continue;
        if (query.alert !== undefined && !delivery.message.alerts.some(({ id }) => id === query.alert)) continue;
        items.push(delivery);
        if (items.length === query.limit) return { items, next: (await ask(index + 1)).next };
      }
      if (page.next === null) return { items, next: null };
      cursor = page.next;
    }
  };

  const queue = createQueue();
  let stopping = false;
  let isTurning = false;
  const turn = async (): Promise<void> => {
    heartbeat?.turn();
    await notifier.turn();
    await schedule.turn();
  };
  // Deciding never waits for a receiver that does not answer.
  const stopTicks = timers.every(tickMs, () => {
    if (isTurning || stopping) return;
    isTurning = true;
    queue
      .run(turn)
      .catch((error: unknown) => fail(error, "RULES_NOTIFY_FAILED"))
      .finally(() => {
        isTurning = false;
        if (!stopping) void sender.run();
      });
  });

  return {
    silences,
    deliveries,
    channels: async () => {
      const recent = (await deliveries({ limit: 1000, from: Math.max(0, now() - 7 * 86_400_000) })).items;
      return order.channels.map(({ name, kind }) => {
        const own = recent.filter(({ channel, state }) => channel === name && state !== "muted");
        const newest = own.find(({ attempts }) => attempts > 0);
        return {
          name,
          kind,
          waiting: own.filter(({ state }) => state === "queued").length,
          last: newest === undefined ? null : { state: newest.state, at: newest.message.at, said: newest.said },
        };
      });
    },
    test: async (name) => {
      if (!channels.has(name)) return refuse("RULES_CHANNEL_UNKNOWN", `there is no channel "${name}"`);
      const words = (language: Language) => ({ title: titleOf("test", [], language), text: testText(name, language) });
      const [told] = await notifier.tell({ occasion: "test", targets: [name], words, once: `test/${name}/${now()}` });
      if (told === undefined) return refuse("RULES_COMMAND_INVALID", "this channel was tested this very moment");
      await sender.run();
      const row = await ledger.get(deliveryKind, told.key);
      return { ok: true, delivery: row === null ? told : readDelivery(row) };
    },
    schedule: () => ({
      jobs: schedule.jobs(),
      heartbeat: heartbeat?.state() ?? null,
      maintenance: maintenance.open(now()).map(({ name }) => name),
      windows: maintenance.windows(now()),
    }),
    settled: () => queue.run(turn).then(sender.run),
    async [Symbol.asyncDispose]() {
      stopTicks();
      stopping = true;
      await queue.run(async () => undefined);
      await heartbeat?.[Symbol.asyncDispose]();
      await schedule[Symbol.asyncDispose]();
      await sender[Symbol.asyncDispose]();
    },
  };
};
