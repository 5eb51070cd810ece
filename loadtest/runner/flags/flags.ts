/** The flags of `loadtest`, as they were typed. Names are perf_analyzer's where the meaning is the same. */

export interface Flags {
  readonly modelName?: string;
  readonly modelVersion?: string;
  readonly url?: string;
  readonly httpUrl?: string;
  readonly protocol?: "grpc" | "http";
  readonly streaming?: boolean;
  readonly batchSize?: number;
  readonly concurrencyRange?: string;
  readonly requestRateRange?: string;
  readonly requestDistribution?: "constant" | "poisson";
  readonly requestIntervals?: string;
  readonly replay?: string;
  readonly timeScale?: number;
  readonly binarySearch?: boolean;
  /** ms. */
  readonly latencyThreshold?: number;
  /** ms. */
  readonly measurementInterval?: number;
  readonly measurementMode?: "time_windows" | "count_windows";
  readonly measurementRequestCount?: number;
  /** Per cent. */
  readonly stabilityPercentage?: number;
  readonly maxTrials?: number;
  readonly percentile?: number;
  readonly inputData?: string;
  readonly shape?: readonly string[];
  readonly header?: readonly string[];
  readonly latencyReportFile?: string;
  readonly requestParameter?: readonly string[];
  readonly generatorParameter?: readonly string[];
  readonly sslGrpcUseSsl?: boolean;
  readonly sslGrpcRootCertificationsFile?: string;
  readonly sslGrpcPrivateKeyFile?: string;
  readonly sslGrpcCertificateChainFile?: string;
  readonly insecure?: boolean;

  /** Seconds. */
  readonly duration?: number;
  /** Seconds. */
  readonly warmup?: number;
  readonly output?: string;
  readonly seed?: number;
  readonly processes?: number;
  readonly connections?: number;
  readonly spin?: boolean;
  /** ms. */
  readonly lateAfter?: number;
  /** ms. */
  readonly budget?: readonly number[];
  readonly objective?: readonly string[];
  readonly ceiling?: boolean;
  readonly capacity?: boolean;
  readonly clientRate?: number;
  readonly localMs?: number;
  readonly devices?: number;
  readonly repeats?: number;
  readonly scoreOutput?: string;
  readonly threshold?: number;
  readonly prescale?: number;
  readonly referenceUrl?: string;
  readonly referenceModel?: string;
  readonly referenceParameter?: readonly string[];
}
