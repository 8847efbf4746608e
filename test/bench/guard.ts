// What the guard costs: `make bench`. What must hold stands beside the figures; nothing fails here.
import { latency } from './latency.ts'
import { orthanc, storescp, throughputTo } from './real-pacs.ts'
import { report } from './report.ts'
import { startSubjects } from './subjects.ts'
import { throughput } from './throughput.ts'

const KB = 1024

const real = [await throughputTo(orthanc), await throughputTo(storescp)]
const subjects = await startSubjects()
try {
  report('guard', [
    ...real,
    await throughput(subjects, 16 * KB),
    await throughput(subjects, 128 * KB),
    await latency(subjects),
  ])
} finally {
  await subjects.stop()
}
