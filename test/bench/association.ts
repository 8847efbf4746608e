import { once } from 'node:events'
import { connect } from 'node:net'
import { decodeCommandSet, PduType } from '../../agent/dicom/index.ts'
import { releaseRq } from '../support/messages.ts'
import { Framing } from './framing.ts'
import { messageIdOf } from './instances.ts'
import { type Spread, spread } from './rounds.ts'

/** Milliseconds of one association's steps. */
export interface Times {
  /** from the A-ASSOCIATE-RQ to the A-ASSOCIATE-AC */
  associate: number
  /** of the first C-STORE, which a delayed association is bound by */
  first: number
  /** from its C-STORE-RSP to the last */
  rest: number
  /** of each C-STORE but the first */
  stores: Spread
}

/** An answer that takes longer never comes: a bench must end. */
const answerLimit = 60_000

interface Answer {
  type: number
  /** of a P-DATA-TF the command set */
  bytes: Buffer
}

/** One association that sends the instances as DCMTK does: each C-STORE waits for the C-STORE-RSP of the one before. */
export async function storeAll(
  port: number,
  associateRq: Buffer,
  instances: readonly Buffer[][],
): Promise<Times> {
  const client = await connected(port)
  const start = performance.now()
  expect(await client.ask(associateRq), PduType.associateAc)

  const marks = [performance.now()]
  const responses: Answer[] = []
  for (const parts of instances) {
    responses.push(await client.ask(...parts))
    marks.push(performance.now())
  }

  expect(await client.ask(releaseRq), PduType.releaseRp)
  client.close()
  responses.forEach(checkStored)
  const [associated = 0, first = 0] = marks
  return {
    associate: associated - start,
    first: first - associated,
    rest: (marks.at(-1) ?? 0) - first,
    stores: spread(marks.slice(2).map((mark, index) => mark - (marks[index + 1] ?? 0))),
  }
}

/** An association that stays open after its first C-STORE, until it is closed. */
export async function holdOpen(port: number, associateRq: Buffer, instance: readonly Buffer[]) {
  const client = await connected(port)
  expect(await client.ask(associateRq), PduType.associateAc)
  checkStored(await client.ask(...instance), 0)
  client.waitForEver()
  return client
}

function expect(answer: Answer, type: number): void {
  if (answer.type !== type) throw new Error(`the answer is a PDU of type ${answer.type}, not ${type}`)
}

function checkStored(answer: Answer, index: number): void {
  expect(answer, PduType.pData)
  const { Status, MessageIDBeingRespondedTo } = decodeCommandSet(answer.bytes).elements
  const messageId = messageIdOf(index)
  if (Status !== 0 || MessageIDBeingRespondedTo !== messageId)
    throw new Error(`C-STORE ${messageId} was answered by ${MessageIDBeingRespondedTo} with ${Status}`)
}

async function connected(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.setTimeout(answerLimit, () => socket.destroy(new Error(`no answer in ${answerLimit} ms`)))
  let waiting = Promise.withResolvers<Answer>()
  const framing = new Framing({
    pdu: (type, bytes) => waiting.resolve({ type, bytes }),
    command: (_, bytes) => waiting.resolve({ type: PduType.pData, bytes }),
    dataset() {},
  })
  socket.on('data', bytes => framing.follow(bytes as Buffer))
  socket.on('error', error => waiting.reject(error))
  socket.on('close', () => waiting.reject(new Error('the connection was closed')))
  return {
    /** Sends a message and resolves with what answers it. */
    ask(...parts: Buffer[]): Promise<Answer> {
      waiting = Promise.withResolvers()
      socket.cork()
      for (const part of parts) socket.write(part)
      socket.uncork()
      return waiting.promise
    },
    waitForEver: () => socket.setTimeout(0),
    close: () => socket.destroy(),
  }
}
