import { expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { Account, Commissioning, KpiChange, Report } from "#energy";
import type { Alert } from "#rules";
import type * as schema from "./schema.ts";
import type * as wire from "./wire.ts";

type Frozen<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : { readonly [Key in keyof Value]: Frozen<Value[Key]> };
type Sent<Schema extends z.ZodType> = Frozen<z.output<Schema>>;
/** Branded numbers travel as numbers. */
type Plain<Value> = Value extends number
  ? number
  : Value extends string | boolean | null | undefined
    ? Value
    : Value extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : { readonly [Key in keyof Value]: Plain<Value[Key]> };

// The compiler judges these lines; at run time they do nothing.
test("what the schemas let through is what the wire types promise", () => {
  expectTypeOf<Sent<typeof schema.health>>().toEqualTypeOf<Frozen<wire.HealthWire>>();
  expectTypeOf<Sent<typeof schema.site>>().toEqualTypeOf<Frozen<wire.SiteWire>>();
  expectTypeOf<Sent<typeof schema.now>>().toEqualTypeOf<Frozen<wire.NowWire>>();
  expectTypeOf<Sent<typeof schema.reading>>().toEqualTypeOf<Frozen<wire.ReadingWire>>();
  expectTypeOf<Sent<typeof schema.series>>().toEqualTypeOf<Frozen<wire.SeriesWire>>();
  expectTypeOf<Sent<typeof schema.kpis>>().toEqualTypeOf<Frozen<wire.KpisWire>>();
  expectTypeOf<Sent<typeof schema.report>>().toEqualTypeOf<Frozen<Report>>();
  expectTypeOf<Sent<typeof schema.kpiChange>>().toEqualTypeOf<Frozen<KpiChange>>();
  expectTypeOf<Sent<typeof schema.trend>>().toEqualTypeOf<Frozen<wire.TrendWire>>();
  expectTypeOf<Plain<Sent<typeof schema.account>>>().toEqualTypeOf<Plain<Account>>();
  expectTypeOf<Sent<typeof schema.commissioning>>().toEqualTypeOf<Frozen<Commissioning>>();
  expectTypeOf<Sent<typeof schema.alert>>().toEqualTypeOf<Frozen<Alert>>();
  expectTypeOf<Sent<typeof schema.device>>().toEqualTypeOf<Frozen<wire.DeviceWire>>();
  expectTypeOf<Sent<typeof schema.deadLetter>>().toEqualTypeOf<Frozen<wire.DeadLetterWire>>();
  expectTypeOf<Sent<typeof schema.ingest>>().toEqualTypeOf<Frozen<wire.IngestWire>>();
  expectTypeOf<Sent<typeof schema.rule>>().toEqualTypeOf<Frozen<wire.RuleWire>>();
  expectTypeOf<Frozen<z.input<typeof schema.ack>>>().toEqualTypeOf<Frozen<wire.AckWire>>();
  expectTypeOf<Frozen<z.input<typeof schema.assign>>>().toEqualTypeOf<Frozen<wire.AssignWire>>();
  expectTypeOf<Frozen<z.input<typeof schema.comment>>>().toEqualTypeOf<Frozen<wire.CommentWire>>();
  expectTypeOf<Sent<typeof schema.supply>>().toEqualTypeOf<Frozen<wire.SupplyWire>>();
  expectTypeOf<Frozen<z.input<typeof schema.shelve>>>().toEqualTypeOf<Frozen<wire.ShelveWire>>();
  expectTypeOf<Sent<typeof schema.problem>>().toExtend<Frozen<wire.ProblemWire>>();
});
