"""The names that a script's calls are known by: of pandas, NumPy, scikit-learn, imbalanced-learn, XGBoost and their like."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READERS = _words("""
    read_csv read_parquet read_json read_excel read_table read_feather read_sql read_sql_query read_sql_table read_orc read_pickle read_hdf scan_csv
    scan_parquet loadtxt genfromtxt load_dataset fetch_openml make_classification make_regression
""")
TRANSFORMERS = _words("""
    StandardScaler MinMaxScaler RobustScaler MaxAbsScaler PowerTransformer QuantileTransformer KBinsDiscretizer SplineTransformer
    SimpleImputer KNNImputer IterativeImputer MissingIndicator OneHotEncoder OrdinalEncoder LabelEncoder LabelBinarizer MultiLabelBinarizer
    CountVectorizer TfidfVectorizer TfidfTransformer PCA TruncatedSVD KernelPCA IncrementalPCA NMF FastICA FactorAnalysis ColumnTransformer FeatureUnion
    VarianceThreshold CountEncoder BinaryEncoder
""")
# These learn nothing from rows, whatever they are fitted on.
STATELESS = _words("Normalizer FunctionTransformer Binarizer PolynomialFeatures HashingVectorizer FeatureHasher")
# These look at the label.
SELECTORS = _words("""
    SelectKBest SelectPercentile SelectFpr SelectFdr SelectFwe GenericUnivariateSelect SelectFromModel RFE RFECV SequentialFeatureSelector
    LinearDiscriminantAnalysis TargetEncoder LeaveOneOutEncoder CatBoostEncoder JamesSteinEncoder MEstimateEncoder WOEEncoder BorutaPy
""")
RESAMPLERS = _words("""
    SMOTE SMOTENC SMOTEN ADASYN BorderlineSMOTE SVMSMOTE RandomOverSampler RandomUnderSampler NearMiss TomekLinks SMOTEENN SMOTETomek
""")
SEARCHES = _words("""
    GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV BayesSearchCV LassoCV RidgeCV ElasticNetCV LogisticRegressionCV
""")
FOLDS = _words("""
    KFold StratifiedKFold GroupKFold StratifiedGroupKFold RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit
    TimeSeriesSplit LeaveOneOut
""")
# Of these, the ones that shuffle whatever they are told.
ALWAYS_SHUFFLING = _words("RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit")
PIPELINES = _words("Pipeline make_pipeline")
LABEL_ENCODERS = _words("LabelEncoder LabelBinarizer MultiLabelBinarizer")
LABEL_NAME = re.compile(r"^(y|label|labels|target|targets)(_|\d|$)", re.IGNORECASE)

CROSS_VALIDATIONS = _words("cross_val_score cross_validate cross_val_predict learning_curve validation_curve permutation_test_score")
METRICS = _words("""
    accuracy_score balanced_accuracy_score f1_score fbeta_score precision_score recall_score roc_auc_score average_precision_score log_loss brier_score_loss
    confusion_matrix classification_report matthews_corrcoef cohen_kappa_score mean_squared_error root_mean_squared_error mean_absolute_error r2_score roc_curve
    precision_recall_curve mean_absolute_percentage_error median_absolute_error
""")
STATISTICS = _words("""
    mean median mode std var quantile min max skew kurt value_counts nanmean nanmedian nanstd percentile nanpercentile average
""")
GROUP_STATISTICS = STATISTICS | _words("transform agg aggregate sum count size apply")
LEVELS = _words("get_dummies factorize qcut")
IN_TIME = _words("shift rolling diff pct_change expanding ewm asfreq")
NULLNESS = _words("isnull isna notnull notna")
TIME_WORDS = ("date", "time", "timestamp", "month", "year", "day", "week")
# Methods of a table that keep its columns.
KEEPING = _words("""
    fillna dropna copy astype query head tail sort_index reset_index set_index replace where mask clip round to_numpy infer_objects convert_dtypes ffill bfill
    interpolate truncate abs apply map applymap transform pipe toarray todense reshape ravel flatten squeeze to_frame tolist between isin eval
""")
STACKING = _words("concat vstack hstack concatenate column_stack row_stack append")
BESIDE = _words("hstack column_stack")
SAVERS = _words("dump dumps save savez save_model to_json save_pretrained write_text to_pickle save_params")
SHUFFLERS = _words("shuffle permutation permuted rand random uniform choice randint random_sample integers")
SERVING = _words("input_fn predict_fn output_fn transform_fn model_fn lambda_handler handler")
# Attributes of tables that are no columns.
ATTRIBUTES = _words("loc iloc at iat values columns index shape dtypes T str dt cat size empty ndim plot")
EARLY_STOPPING = _words("early_stopping_rounds early_stopping callbacks")
# These return their first argument, or something with the same rows and columns.
SAME = _words("DataFrame Series array asarray list tuple sorted log1p log abs sqrt to_numeric to_datetime csr_matrix")
