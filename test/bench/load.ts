// What sends, as a process of its own: reads a Load as one line of JSON, and answers with a LoadResult as one line.
//   echo '{"port":11112,"associations":1,"parallel":1,"instances":10,"studies":1,"size":20480,"pduLength":16384}' |
//     node test/bench/load.ts
import { createInterface } from 'node:readline'
import { storageSopClasses } from '../../agent/dicom/storage-sop-classes.ts'
import { associateRq, CT_IMAGE, contexts } from '../support/messages.ts'
import { storeAll, type Times } from './association.ts'
import { prepareInstances, type Shape } from './instances.ts'

export interface Load extends Shape {
  port: number
  /** in all */
  associations: number
  /** at once */
  parallel: number
  calledAE?: string
  /** presentation contexts proposed, 1 where it is not said */
  contexts?: number
}

export interface LoadResult {
  /** milliseconds from the first connection to the last release */
  elapsed: number
  /** milliseconds of CPU in that time */
  cpu: number
  associations: Times[]
}

const prepared = new Map<string, Buffer[][]>()

/** The same bytes each time: a load that is measured again is not prepared again. */
function instancesOf({ instances, studies, size, pduLength, headLength = 0 }: Shape): Buffer[][] {
  const shape = { instances, studies, size, pduLength, headLength }
  const key = JSON.stringify(shape)
  const known = prepared.get(key) ?? prepareInstances(shape)
  prepared.set(key, known)
  return known
}

/** The SOP class of the instances comes first, others of storage follow it; all in Implicit VR Little Endian, as sent. */
function requestOf({ calledAE = 'ANY-SCP', contexts: count = 1 }: Load): Buffer {
  const sopClasses = new Set([CT_IMAGE, ...Object.keys(storageSopClasses)])
  const presentationContexts = contexts([...sopClasses].slice(0, count))
  return associateRq({ callingAE: 'BENCH', calledAE, presentationContexts })
}

async function run(load: Load): Promise<LoadResult> {
  const instances = instancesOf(load)
  const request = requestOf(load)
  const associations: Times[] = []
  let left = load.associations
  async function client(): Promise<void> {
    while (left-- > 0) associations.push(await storeAll(load.port, request, instances))
  }
  const start = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: load.parallel }, client))
  const { user, system } = process.cpuUsage(before)
  return { elapsed: performance.now() - start, cpu: (user + system) / 1000, associations }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))))
}
