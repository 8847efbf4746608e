import { type Measurement, millisecondsEach, undisturbedMilliseconds } from './measure.ts'
import { type Part, progress } from './report.ts'
import { interleave } from './rounds.ts'
import type { Subjects } from './subjects.ts'

const rounds = 40
const instances = 500
const size = 512 * 1024

/** One study in one delayed association, between a load and a sink that do next to nothing: the worst case. */
export async function throughput(
  { withGuard, withoutGuard, straight }: Subjects,
  pduLength: number,
): Promise<Part> {
  const title = `512 KB in PDUs of ${pduLength / 1024} KB`
  const shape = { instances, studies: 1, size, pduLength }
  const variants = {
    'with guard': () => withGuard(shape),
    'without guard': () => withoutGuard(shape),
    'no balancer': () => straight(shape),
  }
  const measured = await interleave(rounds, variants, progress(title, rounds))
  const rates = (variant: keyof typeof variants) => measured.map(round => megabytesPerSecond(round[variant]))
  /** What the product without the guard needs, as a part of what it needs with it. */
  const ratios = (need: (measurement: Measurement) => number) =>
    measured.map(round => need(round['without guard']) / need(round['with guard']))
  const lines = [
    {
      label: `${title}: throughput, with / without guard`,
      numbers: ratios(millisecondsEach),
      digits: 3,
    },
    {
      label: '  the same by the C-STOREs that nothing disturbed',
      numbers: ratios(undisturbedMilliseconds),
      digits: 3,
    },
    {
      label: "  HAProxy's CPU, with / without guard",
      numbers: measured.map(round => haproxyCpu(round['with guard']) / haproxyCpu(round['without guard'])),
      digits: 3,
    },
    { label: '  with guard, MB/s', numbers: rates('with guard'), digits: 0 },
    { label: '  without guard, MB/s', numbers: rates('without guard'), digits: 0 },
    { label: '  no balancer, MB/s', numbers: rates('no balancer'), digits: 0 },
  ]
  return { title, measured, lines }
}

const megabytesPerSecond = (measurement: Measurement) => size / 1e3 / millisecondsEach(measurement)

const haproxyCpu = ({ cpuOf }: Measurement) => cpuOf.HAProxy ?? Number.NaN
