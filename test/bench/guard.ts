// What the guard costs: `make bench`. What must hold stands beside the figures; nothing fails here.
import { latency } from './latency.ts'
import { report } from './report.ts'
import { startSubjects } from './subjects.ts'
import { throughput } from './throughput.ts'

const KB = 1024

const subjects = await startSubjects()
try {
  report('guard', [
    await throughput(subjects, 16 * KB),
    await throughput(subjects, 128 * KB),
    await latency(subjects),
  ])
} finally {
  await subjects.stop()
}
