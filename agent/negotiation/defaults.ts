/** Implicit and Explicit VR Little Endian: what a pool accepts that declares nothing. */
export const defaultTransferSyntaxes: readonly string[] = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']

/** Bytes; what nearly every PACS accepts at least. */
export const defaultMaxPduLength = 16384

/** How the balancer names itself, here and in the health checks of haproxy.cfg (PS3.7 Annex D.3.3.2). */
export const implementation = {
  implementationClassUid: '2.25.325436374640446755291744417078578436150',
  implementationVersionName: 'DICOM_LB',
}
