import type { Account, SiteModel, SiteNode } from "#energy";
import type { Reading } from "#store";
import type { Facts } from "./evaluate.ts";
import { createTrack, type SavedTrack } from "./track.ts";

/** What storage, generators and renewables say of themselves beside their meters, and where they can be read. */
export interface Plant {
  note(reading: Reading, known: number): void;
  /** `standing`: the model without what a work permit isolates. */
  at(standing: SiteModel, account: Account): Facts;
  version(node: SiteNode, account: Account): number | null;
  save(): SavedPlant;
}

/** By quantity. */
export type SavedPlant = Readonly<Record<string, SavedTrack>>;

const limitAgeMs = 300_000;
// States are told when they change, and once in a while.
const stateAgeMs = 900_000;

/** Which facts stand on which quantity, and whose. */
const tracked: readonly (readonly [quantity: string, kinds: readonly string[], facts: readonly string[]])[] = [
  ["discharge_limit_w", ["battery", "ups"], ["storage_give_w"]],
  ["charge_limit_w", ["battery", "ups"], ["storage_take_w"]],
  ["soh_pct", ["battery", "ups"], ["storage_soh_pct"]],
  ["runtime_s", ["battery", "ups"], ["storage_runtime_s"]],
  ["forecast_w", ["pv", "wind"], ["forecast_w"]],
  ["irradiance_w_per_m2", [], ["irradiance_w_per_m2"]],
  ["genset_auto", ["genset"], ["gensets_available", "genset_available_w"]],
  ["genset_start_failed", ["genset"], ["gensets_available", "genset_available_w"]],
  ["software_version", [], ["software_version"]],
];

/** Quantities of readings that a fact stands on. */
export const plantQuantities = (fact: string): readonly string[] =>
  tracked.flatMap(([quantity, , facts]) => (facts.includes(fact) ? [quantity] : []));

export const createPlant = (model: SiteModel, reads: ReadonlySet<string>, saved: SavedPlant = {}): Plant => {
  const devicesOf = (kinds: readonly string[]): ReadonlySet<string> =>
    new Set(
      model.nodes
        .filter(({ kind }) => kinds.includes(kind))
        .flatMap(({ points }) => points.map(({ device }) => device)),
    );
  const tracks = new Map(
    tracked
      .filter(([, , facts]) => facts.some((name) => reads.has(name)))
      .map(([quantity, kinds]) => {
        const devices = devicesOf(kinds);
        const wants = (device: string): boolean => kinds.length === 0 || devices.has(device);
        return [quantity, createTrack(quantity, wants, saved[quantity])] as const;
      }),
  );
  const said = (quantity: string, node: SiteNode, at: number, ageMs: number): number | null => {
    const track = tracks.get(quantity);
    const values = [...new Set(node.points.map(({ device }) => device))]
      .map((device) => track?.at(at, ageMs, device) ?? null)
      .filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  };
  const gensetFacts = (nodes: readonly SiteNode[], at: number): Facts => {
    const states = nodes.map((node) => {
      const auto = said("genset_auto", node, at, stateAgeMs);
      return auto === null ? null : auto > 0.5 && (said("genset_start_failed", node, at, stateAgeMs) ?? 0) < 0.5;
    });
    const isKnown = states.every((state) => state !== null);
    const ready = nodes.filter((_, index) => states[index] === true);
    return {
      genset_count: nodes.length,
      gensets_available: isKnown ? ready.length : null,
      genset_available_w: isKnown ? sumOf(ready.map(({ ratingW }) => ratingW)) : null,
    };
  };
  return {
    note(reading, known) {
      for (const track of tracks.values()) track.note(reading, known);
    },
    at(standing, { end }) {
      const counted = standing.nodes.filter((node) => node.counting === "counted" && node.points.length > 0);
      const storages = counted.filter(({ role, capacityWh }) => role === "storage" && capacityWh !== null);
      const capacity = sumOf(storages.map(({ capacityWh }) => capacityWh));
      const limit = (quantity: string): number | null =>
        sumOf(storages.map((node) => said(quantity, node, end, limitAgeMs) ?? node.ratingW));
      const health = sumOf(
        storages.map((node) => {
          const soh = said("soh_pct", node, end, 86_400_000);
          return soh === null || node.capacityWh === null ? null : soh * node.capacityWh;
        }),
      );
      const runtimes = standing.nodes
        .filter(({ kind }) => kind === "battery" || kind === "ups")
        .map((node) => said("runtime_s", node, end, limitAgeMs))
        .filter((value) => value !== null);
      const renewables = counted.filter(({ kind }) => kind === "pv" || kind === "wind");
      const forecasts = renewables.map((node) => said("forecast_w", node, end, stateAgeMs));
      return {
        storage_give_w: limit("discharge_limit_w"),
        storage_take_w: limit("charge_limit_w"),
        storage_soh_pct: health === null || capacity === null || capacity === 0 ? null : health / capacity,
        storage_runtime_s: runtimes.length === 0 ? null : Math.min(...runtimes),
        forecast_w: renewables.length === 0 ? null : sumOf(forecasts),
        irradiance_w_per_m2: tracks.get("irradiance_w_per_m2")?.at(end, stateAgeMs) ?? null,
        ...gensetFacts(
          standing.nodes.filter(({ kind }) => kind === "genset"),
          end,
        ),
      };
    },
    version: (node, { end }) => said("software_version", node, end, 7 * 86_400_000),
    save: () => Object.fromEntries([...tracks].map(([quantity, track]) => [quantity, track.save()])),
  };
};

/** Null when a part is missing: never smaller for it. */
const sumOf = (parts: readonly (number | null)[]): number | null =>
  parts.reduce<number | null>((sum, part) => (sum === null || part === null ? null : sum + part), 0);
