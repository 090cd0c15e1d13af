// The desk: everything that thinks and answers, on a thread of its own so that the broker's thread never waits for it.
//
//   store (reads) ─▶ rules ─▶ energy ─▶ dashboard          publish ─▶ (thread of the broker)
//
import { type Dashboard, startDashboard } from "#dashboard";
import { type SiteModel, startEnergy } from "#energy";

import { type Notify, openEvidence, startNotify, startRules } from "#rules";
import { type openStore, shareFollow } from "#store";

import type { Notice } from "./outbox.ts";
import type { Settings } from "./settings.ts";

/** What only the composition knows and the health page shows. */
export interface ProductStatus {
  readonly version: string;
  readonly parts: readonly string[];
  readonly mqtt: { readonly host: string; readonly port: number; readonly wsPort: number | null } | null;
  readonly demo: { readonly phase: "history" | "live"; readonly progress: number } | null;
}

export type OnError = (error: unknown, at: { readonly stage: string; readonly code: string }) => void;

export interface DeskDeps {
  readonly store: Awaited<ReturnType<typeof openStore>>;
  readonly sites: readonly SiteModel[];
  readonly publish: (notice: Notice) => void;
  readonly status: () => ProductStatus;
  readonly onError: OnError;
}

export interface Desk extends AsyncDisposable {
  readonly url: string | null;
}

/** Starts rules, energy and dashboard, sink first, as far as `PARTS` names them. */
export async function startDesk(settings: Settings, deps: DeskDeps): Promise<Desk> {
  await using stack = new AsyncDisposableStack();
  const { sites, publish, onError } = deps;
  // Alerts, commands, silences and rules are chained in the transaction that writes them.
  const evidence = await openEvidence({ ledger: deps.store.ledger, publish, now: Date.now });
  const { ledger } = evidence;
  // Everybody here reads each page once, together.
  const readings = shareFollow(deps.store.readings);
  const has = (part: Settings["deploy"]["PARTS"][number]) => settings.deploy.PARTS.includes(part);

  const rules =
    has("rules") || has("dashboard")
      ? await startRules(settings.rules, { readings, ledger, sites, publish, onError })
      : null;
  if (rules) stack.use(rules);
  const notify: Notify | null =
    rules && has("rules")
      ? await startNotify(settings.rules, { ledger, sites, rules, publish, onError, head: evidence.head })
      : null;
  if (notify) stack.use(notify);
  const energy =
    has("energy") || has("dashboard")
      ? await startEnergy(settings.energy, { readings, ledger, sites, publish, onError })
      : null;
  if (energy) stack.use(energy);

  let dashboard: Dashboard | null = null;
  if (has("dashboard") && energy && rules) {
    dashboard = await startDashboard(settings.dashboard, {
      readings,
      ledger,
      energy,
      rules,
      notify,
      evidence,
      onError,
      status: deps.status,
    });
    stack.use(dashboard);
  }
  const owned = stack.move();
  return { url: dashboard?.address.url ?? null, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
