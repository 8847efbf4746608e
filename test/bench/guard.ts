// What the guard costs: `make bench`. What must hold stands beside the figures; nothing fails here.
import { latency } from './latency.ts'
import { startLink } from './link.ts'
import { orthanc, storescp, throughputTo } from './real-pacs.ts'
import { type Part, report } from './report.ts'
import { startSubjects } from './subjects.ts'
import { throughput } from './throughput.ts'

const KB = 1024

/** What a client sees that stands where clients do: at the other end of a network. */
async function overLinks(): Promise<Part[]> {
  const parts: Part[] = []
  for (const rate of [1, 10]) {
    const link = await startLink(rate)
    try {
      parts.push(await throughputTo(orthanc, link), await throughputTo(storescp, link))
    } finally {
      await link.stop()
    }
  }
  return parts
}

const links = await overLinks().catch(error => {
  console.error(`Not measured over a network, which takes root, ip and tc: ${error.message}`)
  return []
})
const real = [...links, await throughputTo(orthanc), await throughputTo(storescp)]
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
