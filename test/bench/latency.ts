import { millisecondsEach } from './measure.ts'
import { type Part, progress } from './report.ts'
import { interleave } from './rounds.ts'
import type { Subjects } from './subjects.ts'

const rounds = 50
const shape = { instances: 500, size: 20 * 1024, pduLength: 16 * 1024 }

/** Instances that are each of another study, which the guard asks the agent about, against as many of one. */
export async function latency({ withGuard }: Subjects): Promise<Part> {
  const title = '20 KB'
  const variants = {
    'each of its own study': () => withGuard({ ...shape, studies: shape.instances }),
    'all of one study': () => withGuard({ ...shape, studies: 1 }),
  }
  const measured = await interleave(rounds, variants, progress(title, rounds))
  const each = (variant: keyof typeof variants) => measured.map(round => millisecondsEach(round[variant]))
  const [asked, notAsked] = [each('each of its own study'), each('all of one study')]
  const onTop = asked.map((ms, round) => ms - (notAsked[round] ?? Number.NaN))
  const lines = [
    {
      label: `${title}: of its own study - of one study, ms each`,
      numbers: onTop,
      digits: 3,
      mustBe: '1 or less',
    },
    { label: '  each of its own study, ms each', numbers: asked, digits: 3 },
    { label: '  all of one study, ms each', numbers: notAsked, digits: 3 },
  ]
  return { title, measured, lines }
}
