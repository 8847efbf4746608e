import assert from 'node:assert/strict'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { patient, storedIn, study } from './archive.ts'
import { type Ask, type Asked, gdcmscu, odilScript, run, testService } from './service.ts'
import { found } from './worklist.ts'

const patientRoot = '1.2.840.10008.5.1.4.1.2.1.1'
const prepare = storedIn('dcmqrscp', 'Orthanc')
/** The studies of the patient, as each client wants to be told. */
const query = ['QueryRetrieveLevel=STUDY', `PatientID=${patient}`, 'StudyInstanceUID=']
const elements = { PatientID: patient, StudyInstanceUID: '' }

/** What gdcmscu shows of a response with an answer, of which it shows nothing: (0000,0900) is FF00H. */
const pending = '(US) 65280 '

/** The client has been told what it asked for. */
const finding =
  (answer: string, find: (asked: Asked) => Promise<unknown>): Ask =>
  async asked => {
    const told = JSON.stringify(await find(asked))
    assert.ok(told.includes(answer), told)
  }

function findscu({ port, callingAE, calledAE }: Asked, model: string, ...keys: string[]): Promise<string> {
  const asked = keys.flatMap(key => ['-k', key])
  return run('findscu', model, '-aet', callingAE, '-aec', calledAE, ...asked, 'localhost', String(port))
}

function odil({ port, callingAE, calledAE }: Asked, root: string, ...keys: string[]): Promise<string> {
  return run('odil', 'find', 'localhost', String(port), callingAE, calledAE, root, ...keys)
}

/** The datasets of all responses. */
async function byDcmjs(
  { port, callingAE, calledAE }: Asked,
  request: dimse.requests.CFindRequest,
): Promise<unknown[]> {
  const answers: unknown[] = []
  request.on('response', (response: dimse.responses.CFindResponse) => {
    answers.push(response.getDataset()?.getElements())
  })
  assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [request]), [0])
  return answers
}

testService(
  'C-FIND, patient root',
  {
    DCMTK: finding(study, asked => findscu(asked, '-P', ...query)),
    GDCM: finding(pending, asked =>
      gdcmscu(asked, '--find', '--patientroot', '--patient', '--key', '10,20='),
    ),
    odil: finding(study, asked => odil(asked, 'patient', ...query)),
    'dcmjs-dimse': finding(study, asked => {
      const request = dimse.requests.CFindRequest.createStudyFindRequest(elements)
      request.setAffectedSopClassUid(patientRoot)
      return byDcmjs(asked, request)
    }),
  },
  { prepare },
)

testService(
  'C-FIND, study root',
  {
    DCMTK: finding(study, asked => findscu(asked, '-S', ...query)),
    GDCM: finding(pending, asked =>
      gdcmscu(asked, '--find', '--studyroot', '--study', '--key', `10,20=${patient}`, '--key', '20,d='),
    ),
    odil: finding(study, asked => odil(asked, 'study', ...query)),
    Orthanc: finding(study, async ({ orthanc }) => {
      const studies = { Level: 'Study', Query: elements }
      const { ID } = (await orthanc.ask('/modalities/lb/query', studies)) as { ID: string }
      return orthanc.ask(`/queries/${ID}/answers?expand`)
    }),
    'dcmjs-dimse': finding(study, asked =>
      byDcmjs(asked, dimse.requests.CFindRequest.createStudyFindRequest(elements)),
    ),
  },
  { prepare },
)

testService('C-FIND, worklist', {
  DCMTK: finding(found.PatientID, asked => findscu(asked, '-W', 'PatientName', 'PatientID')),
  odil: finding(found.PatientID, asked => odilScript('worklist', asked)),
  Orthanc: finding(found.PatientID, ({ orthanc }) =>
    orthanc.ask('/modalities/lb/find-worklist', { PatientID: '', PatientName: '' }),
  ),
  'dcmjs-dimse': finding(found.PatientID, asked => {
    const query = { PatientID: found.PatientID, PatientName: '' }
    return byDcmjs(asked, dimse.requests.CFindRequest.createWorklistFindRequest(query))
  }),
})
