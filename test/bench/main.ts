// `make bench`: measures all that docs/benchmarks.md tells of, and writes it. `node test/bench/main.ts NAME...` measures
// only these sections, prints them, and writes nothing.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bulk } from './bulk.ts'
import { circumstances, versions } from './circumstances.ts'
import { growth, idle } from './growth.ts'
import { type Benchmarks, page, type Section } from './page.ts'
import { routed } from './routed.ts'
import { scale } from './scale.ts'
import { setUp } from './set-up.ts'
import { spoe } from './spoe.ts'

const all: Readonly<Record<string, () => Promise<Section>>> = {
  'set-up': setUp,
  bulk,
  routed,
  spoe,
  growth,
  idle,
}

/** Five digits are more than any figure is good for. */
const rounded = (_key: string, value: unknown) =>
  typeof value === 'number' ? Number(value.toPrecision(5)) : value

const wanted = process.argv.slice(2)
const failures: Record<string, string> = {}
const sections: Section[] = []
const machine = { ...circumstances(), ...versions() }
for (const [name, measure] of Object.entries(all)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.error(`${new Date().toISOString()} ${name}`)
  try {
    sections.push(await measure())
  } catch (error) {
    // what has been measured is worth having
    failures[name] = error instanceof Error ? error.message : String(error)
    console.error(error)
    process.exitCode = 1
  }
}

const benchmarks: Benchmarks = { machine, scale, sections, failures }
const text = page(benchmarks)
console.log(text)
if (wanted.length === 0) {
  const file = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))
  writeFileSync(file('benchmarks.md'), text)
  writeFileSync(file('benchmarks.json'), `${JSON.stringify(benchmarks, rounded)}\n`)
}
