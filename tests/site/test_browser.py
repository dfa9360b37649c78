"""What single pages do in a real browser, and what search finds."""

import shutil

import pytest
from browsing import context, first_hit, hits, missed
from helpers import TUTORIALS, place


def test_72_columns_of_code_need_no_scrolling_on_a_laptop(tab):
    page = tab(f"{place(TUTORIALS[-1])}/")
    room = page.evaluate(
        """() => {
          const code = document.querySelector('article .language-python code')
          const style = getComputedStyle(code)
          const probe = document.createElement('span')
          probe.textContent = 'x'.repeat(72)
          code.append(probe)
          return code.clientWidth - parseFloat(style.paddingLeft)
            - parseFloat(style.paddingRight) - probe.getBoundingClientRect().width
        }"""
    )
    assert room >= 0


# The page each should find, the pages' own index entries among them and
# words that no entry has.
QUERIES = {
    "which tuner should I use": "many_problems",
    "how long will Hyperband take": "hyperband_planner",
    "choose max_epochs and factor": "hyperband_planner",
    "Keras Tuner or Optuna": "optuna_and_scikit_learn",
    "enqueue_trial": "other_libraries",
    "is the difference between two trials significant": "how_sure",
    "how many repeats executions_per_trial": "how_sure",
    "search is slow": "fast_searches",
    "steps_per_execution": "fast_searches",
    "raw data of learning curves": "recorded_curves",
    "hp.Boolean": "hyperparameters",
    "search uses too much memory": "memory_and_disk",
    "stop after two hours": "known_values_and_limits",
    "f1 score as objective": "objectives",
    "continue an interrupted search": "resume",
    "best model or retrain": "retrain_and_ship",
    "frozen layers of a pretrained model": "part_of_a_model",
    "disk fills with checkpoints": "memory_and_disk",
    "tune number of layers": "conditional_spaces",
    "fit() got multiple values for keyword argument 'epochs'": "error_messages",
    "No module named 'tensorboard'": "hparams_in_tensorboard",
    "KeyError: 'val_accuracy'": "objectives",
    "random search": "random_search",
    "baseline": "random_search",
    "brackets rounds": "hyperband",
    "tuner/initial_epoch": "hyperband",
    "num_initial_points": "bayesian_optimization",
    "GridSearch": "grid_search",
    "SklearnTuner": "scikit_learn",
    "augmentation": "convolutional_network",
    "batch_size": "batch_size_and_epochs",
    "val_f1_score": "objectives",
    "ValueError: Could not infer optimization direction": "error_messages",
    "conditional_scope": "conditional_spaces",
    "tune_new_entries": "part_of_a_model",
    "pareto front": "multiple_objectives",
    "time limit": "known_values_and_limits",
    "run_trial returns a number": "tune_anything",
    "ValueError: Received an empty generator": "error_messages",
    "data leak": "preprocessing",
    "nested cross-validation": "cross_validation",
    "EarlyStopping": "callbacks",
    "GradientTape": "custom_training_loops",
    "overwrite=False": "resume",
    "JSONDecodeError": "resume",
    "set_random_seed": "reproducible_searches",
    "max_consecutive_failed_trials": "failed_trials",
    "Number of consecutive failures exceeded the limit of 3.": (
        "failed_trials"
    ),
    "memory grows": "memory_and_disk",
    "parallel coordinates": "results",
    "results to csv": "results",
    "get_best_models": "retrain_and_ship",
    "HParams": "hparams_in_tensorboard",
    "MLflow": "experiment_trackers",
}


def test_search_finds_what_readers_type_or_paste(tab):
    wanted = {query: [name] for query, name in QUERIES.items()}
    assert not missed(tab(""), wanted)


def test_several_results_are_seen_at_a_glance(tab):
    page = tab("")
    missed(page, {"search killed resume": ["resume"]})
    items = page.locator(".md-search-result__item")
    heights = [items.nth(n).bounding_box()["height"] for n in range(3)]
    assert sum(heights) < 640
    assert page.locator(".md-search-result .md-tag").count() > 100
    assert not page.locator(".md-search-result .md-tag:visible").count()


# What people type who have data of their own, or a model of another
# kind, and the page that must be among the first three.
AMONG_THREE = {
    "table": """
        csv; categorical columns; missing values; pandas; data frame;
        predict new row; tabular data; mixed types;
        one-hot encoding; regression on a table; NaN in my columns;
        read_csv; StringLookup; unknown category; predict a number;
        dataframe to keras; customer churn; house prices; label encoder;
        mean imputation; decimal comma; semicolon separated""",
    "pictures": """
        image folder; class_weight; imbalanced; unbalanced classes;
        image_dataset_from_directory; jpg png; colour images; rgb;
        photos of different sizes; image classification; rare class;
        resize pictures; corrupt image; balanced class weights;
        predict a picture; cats and dogs; flow_from_directory;
        few images per class""",
    "texts": """
        text classification; TextVectorization; sentiment; txt files;
        nlp; embedding; text column; word sequence; bag of words;
        classify documents; vocabulary; strings as input; spam filter;
        classify tweets; reviews positive negative; tokenizer;
        max_tokens; rating from review text""",
    "series": """
        LSTM; GRU; time series; forecast; RNN; stacked LSTM;
        return_sequences; sliding window; lag; predict next value;
        TimeSeriesSplit; window length; sequence model; forecasting;
        naive forecast; Conv1D; timestamps; recurrent network;
        stock prices; electricity demand; sales forecast; business days;
        walk forward validation; predict tomorrow; sensor data;
        hourly data""",
    "subclassed_models": """
        autoencoder; VAE; GAN; variational autoencoder; keras.Model
        subclass; subclassed model; add_loss; generator discriminator;
        two optimizers; latent dimension; reconstruction error;
        model.build; anomaly detection""",
    "several_inputs": """
        two outputs; multiple inputs; multi-output; loss_weights;
        functional API; multi-task; dict of inputs; concatenate;
        two inputs one output; objective for one output""",
    "conditional_spaces": """
        tune optimizer; choose adam or sgd; nested conditions;
        depends on another hyperparameter; momentum""",
    "part_of_a_model": """
        keras.applications; ImageNet; MobileNet; ResNet50;
        transfer learning; shared state; freeze layers""",
    "objectives": """
        L2 regularization; weighted metrics; label smoothing""",
    "callbacks": "BackupAndRestore; resume inside a trial",
    "resume": "loop over data sets; many searches",
    "retrain_and_ship": "save best hyperparameters json",
    "failed_trials": "val_loss nan; loss is nan",
    "convolutional_network": "dropout",
    "faq": """
        reinforcement learning; transformer; colab; kaggle;
        leave one group out; powers of two; attention;
        google drive""",
    "train_validation_test": "no validation data; split my data",
}
AMONG_THREE = {
    " ".join(phrase.split()): [name]
    for name, phrases in AMONG_THREE.items()
    for phrase in phrases.split(";")
}


def test_search_finds_the_page_for_each_kind_of_data_and_model(tab):
    assert len(AMONG_THREE) >= 84
    assert not missed(tab(""), AMONG_THREE, among=3)


@pytest.mark.parametrize(
    "phrase",
    [
        "how do I use my own dataset",
        "complete example to copy",
        "ready made script",
        "generate code for my data",
    ],
)
def test_search_finds_the_composer(tab, address, phrase):
    page = tab("")
    page.evaluate("probe.watchSearch()")
    page.locator(".md-search__input").click()
    found = hits(page, phrase, most=3)
    assert any(hit.startswith(f"{address}your_data/") for hit in found)


def test_opened_from_disk_pages_link_and_search_works(
    tab, site, tmp_path
):
    (archive,) = site.glob("*.zip")
    shutil.unpack_archive(archive, tmp_path)
    page = tab(
        "index.html", base=f"{tmp_path.as_uri()}/{archive.stem}/"
    )
    link = page.get_by_role("link", name="random search", exact=True)
    link.first.click()
    page.wait_for_url("**/tutorials/random_search/index.html")
    assert "What there is to tune" in page.inner_text("article")
    page.locator(".md-search__input").click()
    page.evaluate("probe.watchSearch()")
    hit = first_hit(page, "brackets rounds", typed=True)
    assert "hyperband" in hit
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url("**/tutorials/hyperband/index.html*")


def test_the_scheme_can_be_switched_and_is_remembered(tab):
    page = tab("")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_title("Switch to dark mode").click()
    page.evaluate("probe.settled()")
    dark = page.evaluate(ground)
    page.reload()
    assert light != dark == page.evaluate(ground)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_link_into_a_long_page_arrives_where_it_leads(width, tab):
    path = "tutorials/reference/error_messages/"
    anchors = tab(path, width=width).evaluate(
        "[...document.querySelectorAll('h2[id], h3[id]')].map(h => h.id)"
    )
    middle = anchors[len(anchors) // 2]
    page = tab(f"{path}#{middle}", width=width)
    # Code above is laid out as it is passed.
    assert page.evaluate("probe.still()") > 10_000
    top = f"document.getElementById('{middle}').getBoundingClientRect().top"
    assert 0 < page.evaluate(top) < 120


SEEN = """() => [...document.querySelectorAll(
  'article :is(h1, h2, p, ul, pre, .planner, .output):not(.planner *)'
)].map(e => [e.nodeName, Math.round(e.getBoundingClientRect().top)])
  .filter(([name, top]) => top < innerHeight)"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    "path", ["evidence/hyperband_planner", "tutorials/how_to/faults"]
)
def test_what_scripts_add_moves_nothing_that_is_seen(
    path, width, address, browser
):
    seen = []
    for scripts in False, True:
        page = context(browser, "light", width).new_page()
        if not scripts:
            page.route("**/*.js", lambda route: route.abort())
        page.goto(f"{address}{path}/")
        page.wait_for_function(
            "scripts => !scripts || window.document$ && !document"
            ".querySelector('.no-js, .planner[hidden]')",
            arg=scripts,
        )
        seen.append(page.evaluate(SEEN))
        page.context.close()
    assert seen[0] == seen[1] != []


def test_the_first_code_is_laid_out_at_once(tab):
    page = tab("reference/cheat_sheet/", width=360)
    kinds = page.evaluate(
        "[...document.querySelectorAll('.highlight')]"
        ".map(e => getComputedStyle(e).contentVisibility)"
    )
    assert kinds[0] == "visible"
    page = tab("tutorials/random_search/")
    deferred = "document.querySelectorAll('article > .highlight')"
    last = f"getComputedStyle([...{deferred}].pop()).contentVisibility"
    assert page.evaluate(last) == "auto"
