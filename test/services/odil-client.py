"""A client made of odil, for what its own command has no word for.

    odil-client.py worklist|move|get|mpps|availability PORT CALLING_AE CALLED_AE [STUDY_INSTANCE_UID [MOVE_DESTINATION]]

It prints a line for each answer or instance, and ends with 1 where a peer does not say "success".
"""
import sys

import odil

Context = odil.AssociationParameters.PresentationContext
uids = odil.registry
service, port, calling, called, *keys = sys.argv[1:]


def associate(*contexts):
    syntaxes = [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian]
    association = odil.Association()
    association.set_peer_host("127.0.0.1")
    association.set_peer_port(int(port))
    association.update_parameters() \
        .set_calling_ae_title(calling) \
        .set_called_ae_title(called) \
        .set_presentation_contexts([Context(2 * at + 1, uid, syntaxes, role)
                                    for at, (uid, role) in enumerate(contexts)])
    association.associate()
    return association


def data_set(**elements):
    result = odil.DataSet()
    for keyword, value in elements.items():
        result.add(keyword, value)
    return result


def worklist():
    association = associate((uids.ModalityWorklistInformationModelFind, Context.Role.SCU))
    find = odil.FindSCU(association)
    find.set_affected_sop_class(uids.ModalityWorklistInformationModelFind)
    for found in find.find(data_set(PatientID=["WL-1"], PatientName=[])):
        print(found.as_string("PatientID")[0].decode())
    return association


def study():
    return data_set(QueryRetrieveLevel=["STUDY"], StudyInstanceUID=[keys[0]])


def move():
    association = associate((uids.StudyRootQueryRetrieveInformationModelMove, Context.Role.SCU))
    scu = odil.MoveSCU(association)
    scu.set_affected_sop_class(uids.StudyRootQueryRetrieveInformationModelMove)
    scu.set_move_destination(keys[1])
    scu.move(study())
    return association


def get():
    association = associate((uids.StudyRootQueryRetrieveInformationModelGet, Context.Role.SCU),
                            (uids.CTImageStorage, Context.Role.SCP))
    scu = odil.GetSCU(association)
    scu.set_affected_sop_class(uids.StudyRootQueryRetrieveInformationModelGet)
    scu.get(study(), lambda instance: print(instance.as_string("SOPInstanceUID")[0].decode()))
    return association


def create(association, sop_class, instance, **elements):
    request = odil.messages.NCreateRequest(association.next_message_id(), sop_class, data_set(**elements))
    request.set_affected_sop_instance_uid(instance)
    ask(association, sop_class, request)


def ask(association, sop_class, request):
    association.send_message(request, sop_class)
    status = odil.messages.Response(association.receive_message()).get_status()
    if status != 0:
        sys.exit("status {:04X}".format(status))


def mpps():
    step = uids.ModalityPerformedProcedureStep
    association = associate((step, Context.Role.SCU))
    instance = odil.generate_uid()
    create(association, step, instance, PerformedProcedureStepStatus=["IN PROGRESS"])
    ask(association, step, odil.messages.NSetRequest(
        association.next_message_id(), step, instance, data_set(PerformedProcedureStepStatus=["COMPLETED"])))
    return association


def availability():
    notice = uids.InstanceAvailabilityNotification
    association = associate((notice, Context.Role.SCU))
    create(association, notice, odil.generate_uid(), InstanceAvailability=["ONLINE"])
    return association


globals()[service]().release()
