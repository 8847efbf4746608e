// A PACS that accepts everything and keeps nothing, as a process of its own: `node test/bench/sink.ts` prints its port;
// `node test/bench/sink.ts 100` prints besides, for each 100 instances that it has stored, how many there are by then.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import {
  type CommandSet,
  decodeAssociateRq,
  decodeCommandSet,
  encodeCommandSet,
  encodePData,
  encodeReleaseRp,
  PduType,
} from '../../agent/dicom/index.ts'
import { associateAc } from '../support/pacs.ts'
import { Framing } from './framing.ts'

const told = Number(process.argv[2] ?? Number.POSITIVE_INFINITY)
let stored = 0

const server = createServer({ noDelay: true }, serve).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})

function serve(socket: Socket): void {
  let command: CommandSet | undefined
  const framing = new Framing({
    pdu(type, body) {
      if (type === PduType.associateRq) socket.write(associateAc(decodeAssociateRq(body)))
      else if (type === PduType.releaseRq) socket.end(encodeReleaseRp())
      else socket.destroy()
    },
    command(contextId, commandSet) {
      command = decodeCommandSet(commandSet)
      if (!command.hasDataset) socket.write(success(contextId, command))
    },
    dataset(contextId) {
      if (command) socket.write(success(contextId, command))
      if (++stored % told === 0) console.log(JSON.stringify({ stored }))
    },
  })
  socket.on('data', bytes => framing.follow(bytes as Buffer))
  // health checks end with a reset
  socket.on('error', () => socket.destroy())
}

function success(contextId: number, { elements, commandField, messageId }: CommandSet): Buffer {
  const { AffectedSOPClassUID = '', AffectedSOPInstanceUID } = elements
  const data = encodeCommandSet({
    AffectedSOPClassUID,
    CommandField: commandField | 0x8000,
    MessageIDBeingRespondedTo: messageId,
    CommandDataSetType: 0x0101,
    Status: 0,
    ...(AffectedSOPInstanceUID !== undefined && { AffectedSOPInstanceUID }),
  })
  return encodePData([{ contextId, command: true, last: true, data }])
}
