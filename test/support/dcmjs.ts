import type { Socket } from 'node:net'
import dimse from 'dcmjs-dimse'
import { answers } from '../../deploy/local/ports.ts'
import { waitUntil } from './haproxy.ts'
import { EXPLICIT, IMPLICIT } from './messages.ts'
import { freePort } from './ports.ts'

const { PresentationContextResult, Status } = dimse.constants
const { responses } = dimse

dimse.log.setLevel('silent')

/** What is common to all of dcmjs-dimse's requests. */
export type Request = dimse.requests.Request
type Response = dimse.responses.Response

/** What dcmjs-dimse takes for a last response: pending, and not all keys are supported (PS3.4 §C.4.1.1.4). */
const PENDING_WARNING = 0xff01

/**
 * Sends requests in one association, and resolves with the last status of each when it has been released: when the last
 * response is there, and what `prepare` waits for.
 */
export async function sendByDcmjs(
  port: number,
  [callingAE, calledAE]: readonly [string, string],
  requests: readonly Request[],
  prepare: (client: dimse.Client) => unknown = () => {},
): Promise<number[]> {
  const client = new dimse.Client()
  const statuses: number[] = []
  const prepared = prepare(client)
  for (const [index, request] of requests.entries()) {
    request.on('response', (response: Response) => {
      statuses[index] = response.getStatus()
    })
    // behind the last of these, dcmjs-dimse releases: once for each call
    const done = request.raiseDoneEvent
    request.raiseDoneEvent = async () => {
      if (statuses[index] === PENDING_WARNING) return
      if (index === requests.length - 1) await prepared
      done.call(request)
    }
    client.addRequest(request)
  }
  await new Promise((resolve, reject) => {
    client.on('closed', resolve)
    client.on('networkError', reject)
    client.send('127.0.0.1', port, callingAE, calledAE)
  })
  return statuses
}

export interface DcmjsScp {
  port: number
  /** every request but C-ECHO */
  requests: Request[]
  stop(): void
}

/** What a node does behind its response to an N-ACTION of this calling AE title. */
export type AfterAction = (
  request: dimse.requests.NActionRequest,
  callingAE: string,
  scp: dimse.Scp,
) => unknown

/** A node of dcmjs-dimse that says yes to all; `found` answers C-FIND. */
export async function startDcmjsScp({
  found = [],
  afterAction = () => {},
}: {
  found?: readonly Record<string, unknown>[]
  afterAction?: AfterAction
} = {}): Promise<DcmjsScp> {
  const requests: Request[] = []
  const sockets = new Set<Socket>()

  function answered<T extends Response>(request: Request, response: T): T {
    requests.push(request)
    response.setStatus(Status.Success)
    return response
  }

  class Node extends dimse.Scp {
    #callingAE = ''

    constructor(...[socket, options]: ConstructorParameters<typeof dimse.Scp>) {
      super(socket, options)
      sockets.add(socket)
      socket.setNoDelay().once('close', () => sockets.delete(socket))
    }

    override associationRequested(association: dimse.association.Association): void {
      this.#callingAE = association.getCallingAeTitle()
      for (const { id } of association.getPresentationContexts()) {
        const context = association.getPresentationContext(id)
        const accepted = context.getTransferSyntaxUids().find(uid => uid === EXPLICIT || uid === IMPLICIT)
        const { Accept, RejectTransferSyntaxesNotSupported } = PresentationContextResult
        context.setResult(accepted ? Accept : RejectTransferSyntaxesNotSupported, accepted)
      }
      this.sendAssociationAccept()
    }
    override associationReleaseRequested(): void {
      this.sendAssociationReleaseResponse()
    }

    override cEchoRequest(...[request, callback]: Parameters<dimse.Scp['cEchoRequest']>): void {
      const response = responses.CEchoResponse.fromRequest(request)
      response.setStatus(Status.Success)
      callback(response)
    }
    override cStoreRequest(...[request, callback]: Parameters<dimse.Scp['cStoreRequest']>): void {
      callback(answered(request, responses.CStoreResponse.fromRequest(request)))
    }
    override cFindRequest(...[request, callback]: Parameters<dimse.Scp['cFindRequest']>): void {
      const answer = () => {
        const response = responses.CFindResponse.fromRequest(request)
        // dcmjs-dimse names the study root, whatever was asked for
        response.setAffectedSopClassUid(request.getAffectedSopClassUid())
        return response
      }
      const pending = found.map(elements => {
        const response = answer()
        response.setDataset(new dimse.Dataset(elements))
        response.setStatus(Status.Pending)
        return response
      })
      callback([...pending, answered(request, answer())])
    }
    override nCreateRequest(...[request, callback]: Parameters<dimse.Scp['nCreateRequest']>): void {
      callback(answered(request, responses.NCreateResponse.fromRequest(request)))
    }
    override nSetRequest(...[request, callback]: Parameters<dimse.Scp['nSetRequest']>): void {
      callback(answered(request, responses.NSetResponse.fromRequest(request)))
    }
    override nGetRequest(...[request, callback]: Parameters<dimse.Scp['nGetRequest']>): void {
      callback(answered(request, responses.NGetResponse.fromRequest(request)))
    }
    override nDeleteRequest(...[request, callback]: Parameters<dimse.Scp['nDeleteRequest']>): void {
      callback(answered(request, responses.NDeleteResponse.fromRequest(request)))
    }
    override nEventReportRequest(...[request, callback]: Parameters<dimse.Scp['nEventReportRequest']>): void {
      callback(answered(request, responses.NEventReportResponse.fromRequest(request)))
    }
    override nActionRequest(...[request, callback]: Parameters<dimse.Scp['nActionRequest']>): void {
      callback(answered(request, responses.NActionResponse.fromRequest(request)))
      afterAction(request, this.#callingAE, this)
    }
  }

  const port = await freePort()
  const server = new dimse.Server(Node)
  server.listen(port)
  await waitUntil(() => answers(port))
  return {
    port,
    requests,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
